"""The path of a page: one name for all addresses under which a server has it."""

from __future__ import annotations

import re
from fnmatch import translate
from urllib.parse import unquote, urlsplit


def canonical(path: str) -> str:
    """Return /a for /a/, /a/index.html and /a; / for the first page."""
    path = path.removesuffix("index.html") if path.endswith("/index.html") else path
    return "/" + path.strip("/")


def path_of(address: str) -> str:
    """Return the canonical path of a page's address. Raises `ValueError` for what is none."""
    return canonical(unquote(urlsplit(address).path))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return what matches the canonical paths of a pattern such as /blog/*."""
    return re.compile(translate(canonical(pattern)))
