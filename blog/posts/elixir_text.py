"""The text literals of Elixir: escapes, heredocs and sigils, each from its opening character on."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any

CLOSERS = {"(": ")", "[": "]", "{": "}", "<": ">", "/": "/", "|": "|", '"': '"', "'": "'"}

# https://hexdocs.pm/elixir/String.html#module-escape-characters
_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "d": "\x7f",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "s": " ",
    "t": "\t",
    "v": "\v",
    "\n": "",
}
_CODEPOINT = re.compile(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4})")
_BYTE = re.compile(r"([0-9A-Fa-f]{2})")
_HEREDOC_END = re.compile(r"^([ \t]*)(\"\"\"|''')", re.MULTILINE)


class ElixirError(ValueError):
    """The text is no Elixir value that a post may have; `line` counts from 1 in the text read."""

    def __init__(self, line: int, found: str, expected: str) -> None:
        super().__init__(f"line {line}: found {found}, expected {expected}")
        self.line = line
        self.found = found
        self.expected = expected


class Source:
    """A text and the place that reading has come to; one reader, one text, read once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, found: str, expected: str, at: int | None = None) -> ElixirError:
        """Make (not raise) the error for the line at `at`, or at the present place."""
        line = self.text.count("\n", 0, self.at if at is None else at) + 1
        return ElixirError(line, found, expected)

    def starts(self, prefix: str) -> bool:
        """Tell whether `prefix` comes next."""
        return self.text.startswith(prefix, self.at)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Consume what `pattern` matches here, if it does."""
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found


def read_quoted(source: Source) -> str:
    """Read a string or charlist, plain or heredoc, whose opening quote comes next."""
    quote = source.text[source.at]
    if source.starts(quote * 3):
        return _read_heredoc(source, raw=False)
    source.at += 1
    return _read_until(source, quote, raw=False)


def read_sigil(source: Source) -> Any:
    """Read a sigil whose `~` comes next: ~s ~S ~w ~W ~c ~C to text, ~D ~T ~N ~U to dates."""
    start = source.at
    name = source.match(re.compile(r"~([a-z]|[A-Z]+)"))
    opener = source.text[source.at : source.at + 1]
    if not name or opener not in CLOSERS:
        raise source.fail("a ~ that begins no sigil", "a sigil such as ~w(a b) or ~D[2026-11-24]")
    letter = name[1]
    raw = letter.isupper()
    if letter not in {"s", "S", "c", "C", "w", "W", "D", "T", "N", "U"}:
        raise source.fail(f"the sigil ~{letter}", "one of ~w ~s ~c ~D ~T ~N ~U", start)
    if opener in "\"'" and source.starts(opener * 3):
        content = _read_heredoc(source, raw=raw)
    else:
        source.at += 1
        content = _read_until(source, CLOSERS[opener], raw=raw)
    modifiers = source.match(re.compile(r"\w*"))
    if letter in {"s", "S", "c", "C"}:
        return content
    if letter in {"w", "W"}:
        if modifiers and modifiers[0] not in {"", "a", "s", "c"}:
            raise source.fail(f"~{letter} with {modifiers[0]}", "no modifier, a, s or c", start)
        return content.split()
    return _read_moment(source, letter, content.strip(), start)


def _read_moment(source: Source, letter: str, content: str, start: int) -> Any:
    try:
        if letter == "D":
            return date.fromisoformat(content)
        if letter == "T":
            return time.fromisoformat(content)
        moment = datetime.fromisoformat(content)
    except ValueError:
        expected = {
            "D": "~D[2026-11-24]",
            "T": "~T[10:00:00]",
            "N": "~N[2026-11-24 10:00:00]",
            "U": "~U[2026-11-24 10:00:00Z]",
        }[letter]
        raise source.fail(
            f"~{letter}[{content}]", f"a real date such as {expected}", start
        ) from None
    if letter == "U" and moment.tzinfo is None:
        raise source.fail(f"~U[{content}] without a zone", "~U[2026-11-24 10:00:00Z]", start)
    return moment


def _read_until(source: Source, closer: str, *, raw: bool) -> str:
    """Read up to `closer` and past it; Elixir does not balance nested delimiters."""
    start = source.at - 1
    pieces: list[str] = []
    # Jump to the next character with a meaning; a step for each character would be slow.
    special = re.compile(r"[\\#" + re.escape(closer) + "]")
    while found := special.search(source.text, source.at):
        pieces.append(source.text[source.at : found.start()])
        source.at = found.end()
        if found[0] == closer:
            return "".join(pieces)
        if found[0] == "\\":
            pieces.append(_read_escape(source, closer, raw=raw))
        elif not raw and source.starts("{"):
            raise source.fail('"#{…}"', r"the text itself, or \#{ for the characters #{")
        else:
            pieces.append("#")
    raise source.fail("a text that never ends", f"a closing {closer}", start)


def _read_escape(source: Source, closer: str, *, raw: bool) -> str:
    following = source.text[source.at : source.at + 1]
    source.at += 1
    if raw:
        return following if closer and following == closer else "\\" + following
    if following == "u":
        code = source.match(_CODEPOINT)
        number = int(code[1] or code[2], 16) if code else -1
        if not 0 <= number <= 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise source.fail(r"\u without a character's number", r"\u00E9 or \u{1F600}")
        return chr(number)
    if following == "x":
        byte = source.match(_BYTE)
        if not byte:
            raise source.fail(r"\x without two hexadecimal digits", r"\x41")
        return chr(int(byte[1], 16))
    return _ESCAPES.get(following, following)


def _read_heredoc(source: Source, *, raw: bool) -> str:
    """Read a heredoc; each line loses the indentation of the closing quotes."""
    start = source.at
    quotes = source.text[source.at : source.at + 3]
    source.at += 3
    if not source.match(re.compile(r"[ \t]*\n")):
        raise source.fail(f"text after {quotes}", "the text to begin on the next line", start)
    first = source.at
    for end in _HEREDOC_END.finditer(source.text, first):
        if end[2] == quotes:
            break
    else:
        raise source.fail("a heredoc that never ends", f"{quotes} on a line of its own", start)
    width = len(end[1])
    lines = source.text[first : end.start()].split("\n")
    text = "\n".join(line[_indent(line, width) :] for line in lines)
    source.at = end.end()
    if raw:
        return text
    inner = Source(text)
    pieces = []
    while found := re.compile(r"\\|#\{").search(text, inner.at):
        if found[0] == "#{":
            raise source.fail('"#{…}"', r"the text itself, or \#{ for the characters #{", first)
        pieces.append(text[inner.at : found.start()])
        inner.at = found.end()
        try:
            pieces.append(_read_escape(inner, "", raw=False))
        except ElixirError as error:
            raise source.fail(error.found, error.expected, first) from None
    return "".join([*pieces, text[inner.at :]])


def _indent(line: str, width: int) -> int:
    return min(width, len(line) - len(line.lstrip(" \t")))
