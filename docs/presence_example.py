"""Two rooms full of people, without Flask: python docs/presence_example.py redis://localhost"""

from gevent import monkey

monkey.patch_all()

import sys

import gevent

from flask_presence.tracking import Store, Tracker, connect

# Usually each is in a process of its own, on a machine of its own.
here, there = (Tracker(Store(connect(sys.argv[1]), "{example}")) for _ in range(2))
there.subscribe(lambda diff: print(diff.as_lists()), topic="lobby")
for tracker in (here, there):
    tracker.start()

here.track("connection 1", "lobby", "ann", {"mood": "curious"})
here.track("connection 2", "lobby", "ann", {"mood": "busy"})
with gevent.Timeout(5):
    while there.count("lobby") < 2:
        gevent.sleep(0.01)
print(there.count("lobby"), "connections,", there.count("lobby", distinct=True), "person")

here.close()  # says goodbye; a process that just dies is gone when its lease ends
with gevent.Timeout(5):
    while there.count("lobby"):
        gevent.sleep(0.01)
there.close()
