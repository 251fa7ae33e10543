"""Identify a tab: its reader's cookie, its token, and its Last-Event-ID when it returns. Pure."""

from __future__ import annotations

import binascii
import hashlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from ..streams.stream import PATH
from .request_signals import asks_for_privacy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The ref of a stream, and the token of a tab that came without a cookie.
_FOR_URLS = bytes.maketrans(b"+/", b"-_")
_EVENT_ID_FORM = re.compile(r"([\w-]{1,64})(?:\.([\w-]{22}))?", re.ASCII)


class Identity(NamedTuple):
    """Who a tab is. `key` is its reader's presence key, "" for a reader who is not to be counted.

    `token` is told only to the tab, which sends it when it comes back. `prev_ref` is the ref of its
    previous stream, None for a new tab; `set_cookie` is a header's value, for a new reader.
    """

    key: str
    token: str
    prev_ref: str | None
    set_cookie: str | None = None


class ReaderCookie:
    """The cookie that identifies a reader as long as the browser is open, by its name.

    Over https it is `__Host-` and the name, which a browser takes from this host only (RFC 6265bis,
    4.1.3.2): a sibling of the domain could else give all its visitors one cookie, and they would be
    one reader.
    """

    def __init__(self, name: str) -> None:
        self._names = {False: name, True: f"__Host-{name}"}
        self._forms = {
            is_secure: re.compile(rf"(?:^|[;\s]){full}=([A-Za-z0-9_-]{{22}})(?=$|[;\s])")
            for is_secure, full in self._names.items()
        }

    def read(self, header: str, *, is_secure: bool) -> str | None:
        """Return its value from a Cookie header; None without one, or with one of another form."""
        found = self._forms[is_secure].search(header)
        return found[1] if found else None

    def write(self, cookie: str, path: str, *, is_secure: bool) -> str:
        """Return a Set-Cookie header: for a path; over https for all, as that name asks for."""
        if is_secure:
            return f"{self._names[True]}={cookie}; Secure; HttpOnly; Path=/; SameSite=Lax"
        return f"{self._names[False]}={cookie}; HttpOnly; Path={path}; SameSite=Lax"


def identify(
    environ: WSGIEnvironment, *, counts_private: bool, reader_cookie: ReaderCookie
) -> Identity:
    """Return the identity of the tab that asks for a stream.

    `counts_private` is whether readers who ask for privacy count: each tab then has a key of its
    own, and no cookie.
    """
    prev_ref, token = read_event_id(environ.get("HTTP_LAST_EVENT_ID"))
    if asks_for_privacy(environ):
        token = token or make_cookie()
        return Identity(key_of(token) if counts_private else "", token, prev_ref)
    if token:
        # The token comes before the cookie: two tabs that a browser opened at once were each given
        # a cookie, and the browser kept one of them. A tab whose browser keeps no cookies counts
        # once, too.
        return Identity(key_of(token), token, prev_ref)
    is_secure = environ.get("wsgi.url_scheme") == "https"
    cookie = reader_cookie.read(environ.get("HTTP_COOKIE", ""), is_secure=is_secure)
    if cookie is not None:
        return Identity(key_of(token_of(cookie)), "", prev_ref)
    cookie = make_cookie()
    token = token_of(cookie)
    path = environ.get("SCRIPT_NAME", "") + PATH  # as the browser has it
    header = reader_cookie.write(cookie, path, is_secure=is_secure)
    return Identity(key_of(token), token, prev_ref, header)


def make_cookie() -> str:
    """Return a new random value for a reader's cookie or a tab's token: 128 bits."""
    return _as_text(os.urandom(16))


def read_event_id(text: str | None) -> tuple[str | None, str]:
    """Read the Last-Event-ID of a tab that comes back: what its stream was, and its token or "".

    (None, "") for a new tab, or nonsense.
    """
    found = _EVENT_ID_FORM.fullmatch(text) if text else None
    return (found[1], found[2] or "") if found else (None, "")


def token_of(cookie: str) -> str:
    """Return the token of a cookie, which makes no cookie, for a tab whose browser may drop it."""
    digest = hashlib.blake2b(cookie.encode(), digest_size=16, person=b"viblog token").digest()
    return _as_text(digest)


def key_of(token: str) -> str:
    """Return the presence key of a token: what is in Redis cannot be used as one."""
    return hashlib.blake2b(token.encode(), digest_size=9, person=b"viblog reader").hexdigest()


def _as_text(number: bytes) -> str:
    """Return 128 bits as 22 characters that a URL may have (RFC 4648, 5)."""
    text = binascii.b2a_base64(number, newline=False)
    return text[:22].translate(_FOR_URLS).decode()


def hide_key(secret: object, key: str) -> str:
    """Return the presence key of a user id: a keyed hash, which does not reveal the id."""
    keyed = hashlib.sha256(str(secret).encode()).digest()
    return hashlib.blake2b(key.encode(), digest_size=9, key=keyed).hexdigest()
