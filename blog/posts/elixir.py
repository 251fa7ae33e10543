"""Read and write Elixir literals: the maps that NimblePublisher keeps in front of a post.

It reads literals only: nothing is ever called or interpolated. Atoms become text, keyword lists
become mappings, tuples become lists, `nil` becomes None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from blog.posts.elixir_text import ElixirError, Source, read_quoted, read_sigil

__all__ = ["ElixirError", "read_map", "write_map"]

MAX_LEVELS = 50

_CLOSERS = {"[": "]", "{": "}"}
_WORDS = {"true": True, "false": False, "nil": None}
_GAP = re.compile(r"(?:\s|#[^\n]*)*")
_KEY = re.compile(r"([^\W\d][\w@]*[?!]?):(?=\s)")
_KEY_END = re.compile(r":(?=\s)")
_ATOM = re.compile(r":([^\W\d][\w@]*[?!]?)")
_WORD = re.compile(r"[\w.@?!]+")
_NUMBER = re.compile(
    r"([+-]?)(?:0x([\da-fA-F_]+)|0o([0-7_]+)|0b([01_]+)"
    r"|(\d+(?:_\d+)*\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?)|(\d+(?:_\d+)*))(?![\w.])"
)


def read_map(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Read the one map that is the whole text, and the line of each of its keys.

    Raises `ElixirError`.
    """
    parser = _Parser(text)
    if not parser.take("%{"):
        raise parser.unexpected('a map such as %{title: "Hello"}')
    values = parser.read_pairs(1)
    parser.skip()
    if parser.source.at < len(text):
        raise parser.unexpected("the end of the map, then a line ---")
    return values, parser.lines


class _Parser:
    """Walk over one text, a value at a time; `lines` has the first level's keys."""

    def __init__(self, text: str) -> None:
        self.source = Source(text)
        self.lines: dict[str, int] = {}

    def skip(self) -> None:
        self.source.match(_GAP)

    def take(self, mark: str) -> bool:
        self.skip()
        if self.source.starts(mark):
            self.source.at += len(mark)
            return True
        return False

    def unexpected(self, expected: str, at: int | None = None) -> ElixirError:
        at = self.source.at if at is None else at
        word = _WORD.match(self.source.text, at)
        shown = word.group()[:40] if word else self.source.text[at : at + 1]
        return self.source.fail(repr(shown) if shown else "the end", expected, at)

    def read_value(self, level: int) -> Any:
        self.skip()
        if level > MAX_LEVELS:
            raise self.unexpected(f"at most {MAX_LEVELS} levels")
        if self.take("%{"):
            return self.read_pairs(level)
        here = self.source.text[self.source.at : self.source.at + 1]
        if here in _CLOSERS:
            return self.read_list(level)
        if here in ('"', "'"):
            return read_quoted(self.source)
        if here == "~":
            return read_sigil(self.source)
        if here == ":":
            return self.read_atom()
        return self.read_word()

    def read_word(self) -> Any:
        number = self.source.match(_NUMBER)
        if number:
            return self.read_number(number)
        word = _WORD.match(self.source.text, self.source.at)
        if word is None or word.group() not in _WORDS:
            raise self.unexpected("a value: text, a number, an atom, a list, a map or a sigil")
        self.source.at = word.end()
        return _WORDS[word.group()]

    def read_number(self, match: re.Match[str]) -> int | float:
        sign, *forms = match.groups()
        try:
            if forms[3]:
                return float(sign + forms[3].replace("_", ""))
            for digits, base in zip(forms, (16, 8, 2, 0, 10), strict=True):
                if digits:
                    return int(sign + digits.replace("_", ""), base)
        except ValueError:  # Python reads no more than 4,300 digits
            pass
        raise self.unexpected("a number of fewer digits", match.start())

    def read_atom(self) -> str:
        if self.source.text[self.source.at + 1 : self.source.at + 2] in ('"', "'"):
            self.source.at += 1
            return read_quoted(self.source)
        atom = self.source.match(_ATOM)
        if atom is None:
            raise self.unexpected("an atom such as :draft")
        return str(atom[1])

    def read_pairs(self, level: int) -> dict[str, Any]:
        opened = self.source.at
        pairs: dict[str, Any] = {}
        while not self.take("}"):
            start = self.source.at
            key = self.read_key()
            if key is None:
                value = self.read_value(level + 1)
                if isinstance(value, list | dict):
                    raise self.unexpected("a key: an atom or text", start)
                key = str(value)
                if not self.take("=>"):
                    raise self.unexpected(f"=> after the key {key[:40]!r}")
            if level == 1:
                self.lines[key] = self.source.text.count("\n", 0, start) + 1
            pairs[key] = self.read_value(level + 1)
            self.go_on("}", "map", opened)
        return pairs

    def read_list(self, level: int) -> list[Any] | dict[str, Any]:
        opened = self.source.at
        closer = _CLOSERS[self.source.text[opened]]
        self.source.at += 1
        items: list[Any] = []
        pairs: dict[str, Any] = {}
        while not self.take(closer):
            key = self.read_key()
            if key is not None:
                pairs[key] = self.read_value(level + 1)
            elif pairs:
                raise self.unexpected("a key and a value, as before in this list")
            else:
                items.append(self.read_value(level + 1))
            self.go_on(closer, "list", opened)
        if pairs and not items:
            return pairs
        return [*items, pairs] if pairs else items

    def go_on(self, closer: str, what: str, opened: int) -> None:
        """Pass the comma after a member, unless the closing mark follows."""
        if not self.take(",") and not self.source.starts(closer):
            lines = self.source.text.count("\n", opened, self.source.at)
            where = f"opened {lines} lines above" if lines else "opened on this line"
            raise self.unexpected(f"a comma, or {closer} to close the {what} {where}")

    def read_key(self) -> str | None:
        """Read `name: ` or `"name": `; None, and nothing read, where there is none."""
        self.skip()
        key = self.source.match(_KEY)
        if key:
            return str(key[1])
        if self.source.starts('"') and not self.source.starts('"""'):
            start = self.source.at
            name = read_quoted(self.source)
            if self.source.match(_KEY_END):
                return name
            self.source.at = start
        return None


def write_map(values: Mapping[str, object]) -> str:
    """Write a map as Elixir, a line for each key. Raises `TypeError` for what has no literal."""
    pairs = (f"  {_write(key)} => {_write(value)}" for key, value in values.items())
    return "%{\n" + ",\n".join(pairs) + "\n}"


def _write(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return f"~{'N' if value.tzinfo is None else 'U'}[{value.isoformat(' ')}]"
    if isinstance(value, date | time):
        return f"~{'D' if isinstance(value, date) else 'T'}[{value.isoformat()}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("#{", "\\#{")
        return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'
    if isinstance(value, Mapping):
        return "%{" + ", ".join(f"{_write(k)} => {_write(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_write, value)) + "]"
    raise TypeError(f"no Elixir literal for {type(value).__name__}")
