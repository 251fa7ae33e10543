"""A room to talk in, with "is typing": `gunicorn -k gevent -w 2 flask_presence_chat:app`.

What is said lies in Redis. The live list tells the pages how much has been said, and they fetch it.
"""

import os

import redis
from flask import Flask, Response, redirect, render_template, request, session, url_for
from jinja2 import DictLoader

from flask_presence import Presence

TEMPLATES = {
    "door.html": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Your name?</title></head>
<body>
<form method="post"><input name="name" maxlength="20" required> <button>Come in</button></form>
</body></html>""",
    "room.html": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Room</title></head>
<body>
<h1>{% call(count) presence.counter("room") %}{{ count }} in the room{% endcall %}</h1>
{% call(metas) presence.list("room") %}
  <ul>
  {% for meta in metas %}
    <li>{{ meta.name }}{% if meta.typing %} is typing…{% endif %}</li>
  {% endfor %}
  </ul>
  <div id="said-{{ metas|map(attribute='said')|max }}"
       hx-get="{{ url_for('show_said') }}" hx-trigger="load" hx-target="#said"></div>
{% endcall %}
<ol id="said">{% include "said.html" %}</ol>
{% include "form.html" %}
{{ presence.script() }}
</body></html>""",
    "said.html": """{% for line in lines %}<li>{{ line }}</li>
{% endfor %}""",
    "form.html": """<form hx-post="{{ url_for('say') }}" hx-swap="outerHTML">
<input name="text" maxlength="200" autocomplete="off" required aria-label="Say something"
       {{ presence.post() }} hx-trigger="load, input changed throttle:1s, blur">
<button>Say</button>
</form>""",
}

app = Flask(__name__)
app.jinja_loader = DictLoader(TEMPLATES)
app.config.from_prefixed_env()  # FLASK_SECRET_KEY
presence = Presence(app)
lines = redis.from_url(os.environ["PRESENCE_REDIS_URL"], decode_responses=True)
SAID, COUNT = f"{{{__name__}}}:said", f"{{{__name__}}}:count"


@presence.may_watch
def may_watch(topic: str) -> bool:
    """Let nobody see the room who has not said a name."""
    return "name" in session


@presence.meta
def make_meta(topic: str) -> dict:
    """Say who comes in."""
    return {"name": session["name"], "typing": False, "said": int(lines.get(COUNT) or 0)}


@presence.on_update
def read_update(topic: str, meta: dict) -> dict:
    """Say who is typing, and how much has been said when the page last told."""
    return {
        "typing": request.form.get("text", "").strip() != "",
        "said": int(lines.get(COUNT) or 0),
    }


@app.route("/", methods=["GET", "POST"])
def enter() -> str | Response:
    """Ask for a name, then show the room."""
    if name := request.form.get("name", "").strip()[:20]:
        session["name"] = name
        return redirect(url_for("enter"))
    if "name" not in session:
        return render_template("door.html")
    return render_template("room.html", lines=lines.lrange(SAID, 0, -1))


@app.get("/said")
def show_said() -> str:
    """Show the last fifty lines."""
    return render_template("said.html", lines=lines.lrange(SAID, 0, -1))


@app.post("/say")
def say() -> str:
    """Take a line, and give a new form, whose field tells the others as it is loaded."""
    text = request.form.get("text", "").strip()[:200]
    if text and "name" in session:
        lines.rpush(SAID, f"{session['name']}: {text}")
        lines.ltrim(SAID, -50, -1)
        lines.incr(COUNT)
    return render_template("form.html")
