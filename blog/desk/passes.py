"""What opens the desk: a pass, signed, as a link that is good once, or as a cookie. Pure."""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple, Self

from itsdangerous import BadSignature, URLSafeSerializer

LINK_SECONDS = 10 * 60
COOKIE_SECONDS = 30 * 24 * 3600
COOKIE = "viblog_desk"
# What is signed as a link is no cookie.
LINK_SALT, COOKIE_SALT = "viblog.desk.link", "viblog.desk.cookie"
MAX_CHARS = 400
_PLAIN = re.compile(r"[\w-]{1,64}", re.ASCII)


class Pass(NamedTuple):
    """A random `id`, the `epoch` of the desk that it was made in, and when it ends: Unix time."""

    id: str
    epoch: str
    expires: int

    @classmethod
    def make(cls, epoch: str, now: float, seconds: int) -> Self:
        """Return a new one, for so long."""
        return cls(secrets.token_urlsafe(16), epoch, int(now) + seconds)


def sign(key: str, salt: str, made: Pass) -> str:
    """Return a pass as text for an address or a cookie. Raises `ValueError` without a key."""
    if not key:
        raise ValueError("a pass needs a key to be signed with")
    return URLSafeSerializer(key, salt=salt).dumps(made)


def read(key: str, salt: str, text: str, now: float) -> Pass | None:
    """Return the pass of a text; None for one that has ended or is forged, whatever it is.

    Whether the desk has another epoch by now, or it is spent, the registry knows.
    """
    if not key or len(text) > MAX_CHARS:
        return None
    try:
        pass_id, epoch, expires = URLSafeSerializer(key, salt=salt).loads(text)
    except (BadSignature, ValueError, TypeError):
        return None
    is_ours = all(isinstance(each, str) and _PLAIN.fullmatch(each) for each in (pass_id, epoch))
    if not is_ours or type(expires) is not int or expires <= now:
        return None
    return Pass(pass_id, epoch, expires)
