"""Readers as the blog tracks them, made up."""

from __future__ import annotations

import random
import secrets
import time

PREFIX = "{bench}"
TOPIC = "readers"
PAGES = ("index", "about", "blog/hello-world", "blog/how-the-counter-works")


def make_reader() -> tuple[str, dict[str, object]]:
    """Return a key and a meta of the form and length that `flask_presence.web` gives them."""
    meta = {"page": random.choice(PAGES), "joined_at": int(time.time() * 1000)}
    return secrets.token_hex(9), meta
