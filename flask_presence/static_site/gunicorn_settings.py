"""How gunicorn serves the application beside a site of files: `--config python:` this module."""

from __future__ import annotations

import os

from ..server.configuration import configure

bind = os.environ["PRESENCE_BIND"]
globals().update(
    configure(
        workers=int(os.environ["PRESENCE_WORKERS"]),
        proxies=int(os.environ["PRESENCE_PROXIES"]),
        find_life=lambda app: app.extensions["static_site"],
    )
)
