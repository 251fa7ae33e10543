"""The WSGI application: `gunicorn app:app` serves it, `flask` commands find it."""

from blog.factory import create_app

app = create_app()
