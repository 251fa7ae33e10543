"""What `Library.render` promises in a worker, tried in a process that gevent has patched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
from gevent import monkey

monkey.patch_all()
import gevent
from pathlib import Path
from blog.posts import Library, Post, RenderedPost, library

work = monkey.get_original("time", "sleep")
under_way = most = calls = ticks = 0


def render_slowly(post, style):
    global under_way, most, calls
    under_way += 1
    calls += 1
    most = max(most, under_way)
    work(0.02)
    under_way -= 1
    return RenderedPost(post.title)


def tick():
    global ticks
    while True:
        gevent.sleep(0.002)
        ticks += 1


library.render_safely = render_slowly
shelf = Library(Path("none"))
posts = [
    Post(id=str(n), title=str(n), description="", date=None, path=Path(str(n)), body="")
    for n in range(10)
]
ticking = gevent.spawn(tick)
killed = gevent.spawn(shelf.render, posts[0])
gevent.sleep(0.005)
readers = [gevent.spawn(shelf.render, post) for post in posts * 3]
gevent.sleep(0.005)
killed.kill()
gevent.joinall(readers, raise_error=True, timeout=10)
assert [reader.value.html for reader in readers] == [post.title for post in posts * 3]
print("at once", most)
print("renders", calls)
print("the loop went on", ticks > 20)
"""


def test_posts_are_rendered_one_at_a_time_and_once_while_the_loop_goes_on():
    """The reader who asked first leaves in the middle: one of those who wait takes over."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["at once 1", "renders 11", "the loop went on True"]
