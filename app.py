"""The WSGI application: `gunicorn app:app` serves it, `flask` commands find it."""

from blog.factory import make_app

app = make_app()
