"""The kinds of settings: what each may have, how a text becomes its value, and what is expected."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from blog.store.place import EXPECTED, read_url
from blog.words import OwnWords, list_languages
from flask_presence.redis_address import SHORT


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of setting: `expected` says what it takes, `convert` makes the value of a text,
    `fits` checks it.

    `convert` raises `ValueError`, `LookupError` or `OSError` for a text that is no such value. A
    secret's value is in no message and in no `repr`.
    """

    expected: str
    convert: Callable[[str], Any] = str.strip
    fits: Callable[[Any], object] = lambda value: True
    is_secret: bool = False

    def read(self, text: str) -> Any:
        """Return the value of a text. Raises `ValueError`, too, for a value that does not fit."""
        value = self.convert(text)
        if not self.fits(value):
            raise ValueError
        return value


def setting(default: Any, kind: Kind, help_text: str, *, variable: str = "") -> Any:
    """Declare a setting; the environment variable is `BLOG_` and its name unless told otherwise."""
    metadata = {"kind": kind, "help": help_text, "variable": variable}
    return field(default=default, metadata=metadata, repr=not kind.is_secret)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# BCP 47, without asking whether there is such a language.
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_SITE_URL = re.compile(
    r"(?:(?i:https?)://(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::[0-9]+)?"
    r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.~-]+)*/?)?"  # browsers resolve `..`
)
_COLOUR = re.compile("#(?:[0-9a-f]{3}){1,2}")
_HOST_NAME = re.compile(r"[\w.-]+")
# A name that begins with a dot includes its subdomains. A port is ignored.
_TRUSTED_HOST = re.compile(r"\.?[\w-]+(?:\.[\w-]+)*(?::[0-9]+)?")
# No path, no wildcard, no other scheme: nothing by which the policy would allow more than a host.
_ORIGIN = re.compile(r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?")
_SWITCHES = {"1": True, "true": True, "yes": True, "on": True}
_SWITCHES |= {"0": False, "false": False, "no": False, "off": False, "": False}
# As Werkzeug writes it. What is hashed at more cost would take the memory of a small machine.
_PASSWORD_HASH = re.compile(r"scrypt:(?:16384|32768|65536):8:1\$[A-Za-z0-9]+\$[0-9a-f]{128}")
_CONTACT_SCHEMES = ("mailto:", "https://", "tel:")
# 16 random bytes written in hex: nobody guesses a signature's key of that length.
MIN_SECRET_CHARS = 32


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _read_colour(text: str) -> str:
    """Return a colour with six digits; "" for none."""
    if text and not _COLOUR.fullmatch(text):
        raise ValueError
    return text if len(text) != 4 else "#" + "".join(2 * digit for digit in text[1:])


def _read_words(text: str) -> OwnWords:
    try:
        table = json.loads(text or "{}")
    except RecursionError:
        raise ValueError from None
    if not isinstance(table, dict):
        raise ValueError
    words = {name: [said] if isinstance(said, str) else said for name, said in table.items()}
    for texts in words.values():
        if not (isinstance(texts, list) and texts and all(isinstance(one, str) for one in texts)):
            raise ValueError
        "".join(texts).encode()  # half a character is a `ValueError`, too
    return tuple((message, tuple(texts)) for message, texts in words.items())


def one_of(*choices: str) -> Kind:
    """Return the kind of a setting that has one of these values."""
    expected = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return Kind(expected, lambda text: text.strip().lower(), choices.__contains__)


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One entry of the menu: a list of the blog, a page's name, or an address.

    Without a `name` it has its own. `rel` is "me" for an address of the author's elsewhere.
    """

    target: str
    name: str = ""
    rel: str = ""

    @property
    def is_address(self) -> bool:
        """Tell whether it is an address, of this blog or another site."""
        return "/" in self.target or ":" in self.target


# A name has no slash: the `=` of `https://example.org/?a=b` is none behind a name.
_MENU_ITEM = re.compile(
    r"(?:(?P<name>[^=/]+?)\s*=\s*)?(?P<target>[\w.~-]+|https?://\S+|mailto:\S+|/(?!/)\S*)"
    r"(?:\s+rel=(?P<rel>me))?"
)


def _read_menu(text: str) -> tuple[MenuItem, ...]:
    found = [_MENU_ITEM.fullmatch(item) for item in _split(text)]
    if None in found:
        raise ValueError
    return tuple(MenuItem(m["target"], m["name"] or "", m["rel"] or "") for m in found if m)


TEXT = Kind("text")
NOT_EMPTY = Kind("text, not empty", fits=re.compile(".+").fullmatch)
FOLDER = Kind("a folder", lambda text: Path(text.strip()).expanduser())
FONT = Kind("a font file")
WHOLE = Kind("a whole number from 0", int, lambda number: number >= 0)
POSITIVE = Kind("a whole number from 1", int, lambda number: number >= 1)
PORT = Kind("a port from 1 to 65535", int, lambda port: 1 <= port <= 65_535)
SECONDS = Kind("seconds, more than 0, less than 86400", float, lambda seconds: 0 < seconds < 86_400)
SWITCH = Kind("1 or 0", lambda text: _SWITCHES[text.strip().lower()])
COLOUR = Kind(
    "a colour such as #b3261e, or nothing", lambda text: _read_colour(text.strip().lower())
)
ICON = Kind(
    "a file in static/ that ends in .svg or .png",
    fits=re.compile(r"(?!/)(?!.*\.\.).+\.(svg|png)", re.I).fullmatch,
)
LOGO = Kind("a picture in static/", fits=re.compile(r"((?!/)(?!.*\.\.).+\.\w+)?").fullmatch)
SECRET = Kind(
    f"{MIN_SECRET_CHARS} characters or more",
    str,
    lambda secret: not secret or len(secret) >= MIN_SECRET_CHARS,
    is_secret=True,
)
PASSWORD_HASH = Kind(
    "what `viblog desk password` prints",
    str.strip,
    lambda text: not text or _PASSWORD_HASH.fullmatch(text),
    is_secret=True,
)
ZONE = Kind("a name such as Europe/Berlin", lambda text: ZoneInfo(text.strip()))
LANGUAGE = Kind(
    f"a tag such as {', '.join(list_languages())} or pt-BR",
    # BCP 47 reserves longer primary subtags for later use, so `german` is no language.
    fits=lambda tag: LANGUAGE_TAG.fullmatch(tag) and len(tag.partition("-")[0]) < 4,
)
WORDS = Kind("a table of English texts and yours, as `docs/languages.md` has it", _read_words)
SITE_URL = Kind("http(s)://host or http(s)://host/path", fits=_SITE_URL.fullmatch)
CONTACT = Kind(
    "mailto:…, https://… or tel:…",
    fits=lambda contact: (
        not contact or (contact.isprintable() and contact.startswith(_CONTACT_SCHEMES))
    ),
)
MENU = Kind(
    "posts, tags, archive, search, now, counting, pages, or Name = address, comma-separated",
    _read_menu,
)
HOST = Kind(
    "an address or a name, no port",
    fits=lambda host: ipaddress.IPv6Address(host) if ":" in host else _HOST_NAME.fullmatch(host),
)
HOSTS = Kind(
    "names, comma-separated", _split, lambda hosts: all(map(_TRUSTED_HOST.fullmatch, hosts))
)
ORIGINS = Kind(
    "https:// and a host, no path, comma-separated",
    lambda text: tuple(origin.lower().removesuffix("/") for origin in _split(text)),
    lambda origins: all(map(_ORIGIN.fullmatch, origins)),
)
NETWORKS = Kind(
    "addresses or networks, comma-separated",
    lambda text: tuple(map(ipaddress.ip_network, _split(text))),
)
REDIS = Kind(SHORT, is_secret=True)  # more of it is checked with the prefix: `find_contradictions`
DATABASE = Kind(EXPECTED, read_url, is_secret=True)
