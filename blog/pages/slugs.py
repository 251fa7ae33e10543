"""Write any tag as one path segment, and read it back.

A letter or digit of any script, `-`, `+` and an inner `.` stay as they are, a space becomes `_`,
and everything else is written `~` and two hex digits for each UTF-8 byte. Percent-encoding alone
would not do: servers decode `%2F` before routing, and browsers resolve `.` and `..` even encoded.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"(?:~[0-9a-f]{2})+")


def write_slug(tag: str) -> str:
    """Return the path segment for `tag`; two different tags never share one."""
    return "".join(_write(character, first=at == 0) for at, character in enumerate(tag))


def _write(character: str, *, first: bool) -> str:
    if character == " ":
        return "_"
    if character == ".":
        return "~2e" if first else "."
    plain = character in "-+" or character.isalnum()
    if plain or (not character.isascii() and character.isprintable()):
        return character
    return "".join(f"~{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def read_slug(slug: str) -> str:
    """Return the tag of a path segment; text that `write_slug` never wrote gives some other tag."""
    return _ESCAPE.sub(_read, slug.replace("_", " "))


def _read(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("~", "")).decode("utf-8", "replace")
