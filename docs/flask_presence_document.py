"""Who edits a document, with Flask-Login: `gunicorn -k gevent -w 2 flask_presence_document:app`."""

from flask import Flask, Response, redirect, render_template, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from jinja2 import DictLoader

from flask_presence import Presence

TEMPLATES = {
    "login.html": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Who are you?</title></head>
<body>
<form method="post">
{% for id, name in names.items() %}<button name="user" value="{{ id }}">{{ name }}</button>
{% endfor %}
</form>
</body></html>""",
    "document.html": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Document {{ number }}</title></head>
<body>
<h1>Document {{ number }}</h1>
<p>{{ presence.counter("doc:" ~ number) }}</p>
{% call(metas, count) presence.list("doc:" ~ number, first=5, tag="ul") %}
  {% for meta in metas %}
  <li><img src="{{ url_for('show_avatar', user_id=meta.user) }}" width="24" height="24" alt="">
    {{ meta.name }}{% if meta.editing %} is editing{% endif %}</li>
  {% endfor %}
  {% if count > 5 %}<li>and {{ count - 5 }} more</li>{% endif %}
{% endcall %}
<textarea id="text" {{ presence.post() }} hx-vals='{"editing": "1"}' hx-trigger="focus">
</textarea>
<span {{ presence.post() }} hx-vals='{"editing": "0"}' hx-trigger="blur from:#text"></span>
{{ presence.script() }}
</body></html>""",
    "avatar.svg": """<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24">
<circle cx="12" cy="12" r="12" fill="hsl({{ hue }} 60% 35%)"/>
<text x="12" y="17" text-anchor="middle" font-size="14" fill="#fff">{{ letter }}</text></svg>""",
}
NAMES = {"1": "Ada", "2": "Ben", "3": "Cas"}  # of your database

app = Flask(__name__)
app.jinja_loader = DictLoader(TEMPLATES)
app.config.from_prefixed_env()  # FLASK_SECRET_KEY
app.config["PRESENCE_COUNT"] = "readers"  # who has two windows open is one
presence = Presence(app)
logins = LoginManager(app)
logins.login_view = "log_in"


class User(UserMixin):
    """Somebody who may write."""

    def __init__(self, user_id: str) -> None:
        self.id = user_id


@logins.user_loader
def load_user(user_id: str) -> User | None:
    """Return a user of the session."""
    return User(user_id) if user_id in NAMES else None


@presence.key
def find_key() -> str | None:
    """Say who counts: each user once."""
    return current_user.get_id()


@presence.may_watch
def may_watch(topic: str) -> bool:
    """Let nobody see who is there who may not see the document."""
    return current_user.is_authenticated


@presence.meta
def make_meta(topic: str) -> dict:
    """Say what is known of who opens a document."""
    return {"user": current_user.get_id(), "editing": False}


@presence.on_update
def read_update(topic: str, meta: dict) -> dict:
    """Say what a page may change of that."""
    return {"editing": request.form.get("editing") == "1"}


@presence.fetch
def add_names(topic: str, presences: dict) -> dict:
    """Add the names of a whole list: here would be one query."""
    users = {key: entry["metas"][0].get("user") for key, entry in presences.items()}
    return {key: {"name": NAMES.get(users[key], "?"), **presences[key]} for key in presences}


@app.route("/", methods=["GET", "POST"])
def log_in() -> str | Response:
    """Log somebody in, who says who it is."""
    user = load_user(request.form.get("user", ""))
    if user is None:
        return render_template("login.html", names=NAMES)
    login_user(user)
    return redirect(url_for("show_document", number=1))


@app.get("/doc/<int:number>")
@login_required
def show_document(number: int) -> str:
    """Show a document, and who else has it open."""
    return render_template("document.html", number=number)


@app.get("/avatars/<user_id>.svg")
def show_avatar(user_id: str) -> Response:
    """Draw the first letter of a name."""
    name = NAMES.get(user_id, "?")
    svg = render_template("avatar.svg", letter=name[0], hue=ord(name[0]) * 47 % 360)
    return Response(svg, mimetype="image/svg+xml")
