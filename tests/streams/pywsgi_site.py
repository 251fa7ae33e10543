"""The blog under a WSGI server that is not gunicorn: `python -m tests.streams.pywsgi_site PORT`."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

from gevent.pywsgi import WSGIServer  # noqa: E402

from blog.factory import create_app  # noqa: E402

if __name__ == "__main__":
    app = create_app()
    app.extensions["viblog"].start()
    WSGIServer(("127.0.0.1", int(sys.argv[1])), app, log=None).serve_forever()
