"""Two documents, and how many have each open: `gunicorn -k gevent -w 2 flask_presence_app:app`."""

from flask import Flask, render_template_string

from flask_presence import Presence

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ name }}</title></head>
<body>
<h1>{{ name }}</h1>
<p>{{ presence.counter("doc:" ~ name) }}, {{ presence.total() }}</p>
{{ presence.script() }}
</body></html>"""

app = Flask(__name__)
app.config.from_prefixed_env()  # FLASK_SECRET_KEY
presence = Presence()
presence.init_app(app)


@app.get("/<name>")
def show(name: str) -> str:
    """Show a document."""
    return render_template_string(PAGE, name=name)
