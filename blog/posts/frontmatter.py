"""Front matter: four formats, each a handler of python-frontmatter that also knows its lines."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml
from frontmatter.default_handlers import BaseHandler, JSONHandler, YAMLHandler

from blog.posts.elixir import ElixirError, read_map, write_map
from blog.posts.yaml_lines import read_yaml

__all__ = ["ElixirHandler", "FrontMatter", "FrontMatterError", "Split", "TomlHandler", "split"]

MAX_FRONT_MATTER_BYTES = 64 * 1024

_JSON_START = re.compile(r"\{\s*[\"}]")
_JSON_END = re.compile(r"^\}[ \t]*$", re.MULTILINE)
_DASHES = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)
# Elixir's comments may not come first: `# %{} explained` is a Markdown heading.
_ELIXIR_START = re.compile(r"%\{")
# A key of n parts costs tomllib n² steps: a key of 20,000 parts, which fits in, took five seconds.
_TOML_DEEP = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){51}")
_TOML_KEY = re.compile(r"[\"']?([\w-]+)[\"']?\s*=")


class FrontMatterError(ValueError):
    """Front matter that cannot be read; `line` counts from 1 in the front matter itself."""

    def __init__(self, line: int, found: str, expected: str, mend: str) -> None:
        super().__init__(f"line {line}: {found}, expected {expected}; {mend}")
        self.line = line
        self.found = found
        self.expected = expected
        self.mend = mend


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The values, and for each top-level key the line of the front matter it is on, from 1."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


class Handler(Protocol):
    """What `split` needs of a handler: python-frontmatter's interface, and lines."""

    def detect(self, text: str) -> bool: ...
    def split(self, text: str) -> tuple[str, str]: ...
    def read(self, front: str) -> FrontMatter: ...


class YamlHandler(YAMLHandler):
    """YAML between lines of dashes; the end may also be `...`, as Jekyll has it."""

    FM_BOUNDARY = re.compile(r"^(?:-{3,}|\.{3})[ \t]*$", re.MULTILINE)

    def detect(self, text: str) -> bool:
        return _DASHES.match(text) is not None

    def load(self, fm: str, **kwargs: object) -> Any:
        return self.read(fm).values

    def read(self, front: str) -> FrontMatter:
        """Read YAML, and where each key is. Raises `FrontMatterError`."""
        try:
            values, lines = read_yaml(front)
        except yaml.YAMLError as error:
            raise _describe_yaml_error(error, front) from error
        return FrontMatter(values, lines)


class TomlHandler(BaseHandler):
    """TOML between lines of `+++`, by the standard library (the package's wants another one)."""

    FM_BOUNDARY = re.compile(r"^\+{3,}[ \t]*$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "+++"

    def load(self, fm: str, **kwargs: object) -> Any:
        return self.read(fm).values

    def read(self, front: str) -> FrontMatter:
        """Read TOML, and where each key is. Raises `FrontMatterError`."""
        try:
            if _TOML_DEEP.search(front):
                raise RecursionError
            values = tomllib.loads(front)
        except (ValueError, RecursionError) as error:  # ValueError also for 4,300 digits
            place = re.search(r"\(at line (\d+)", str(error))  # a number too long has no place
            line = int(place[1]) if place else front.count("\n")
            problem = str(error).split(" (at ")[0] or "too many levels"
            raise FrontMatterError(
                line,
                f"broken TOML: {problem}",
                'lines such as title = "Hello"',
                "correct this line, or write the front matter as YAML between lines of ---",
            ) from error
        lines: dict[str, int] = {}
        for number, text in enumerate(front.split("\n"), 1):
            if text.lstrip().startswith("["):
                break
            if key := _TOML_KEY.match(text.lstrip()):
                lines.setdefault(key[1], number)
        return FrontMatter(values, lines)


class JsonHandler(JSONHandler):
    """One JSON object at the head of the file, its braces anywhere."""

    def detect(self, text: str) -> bool:
        return _JSON_START.match(text) is not None

    def split(self, text: str) -> tuple[str, str]:
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            # Broken: guess the end, so that `read` can say what is wrong.
            closing = _JSON_END.search(text)
            end = closing.end() if closing else len(text)
        return text[:end], text[end:]

    def load(self, fm: str, **kwargs: object) -> Any:
        return self.read(fm).values

    def read(self, front: str) -> FrontMatter:
        """Read JSON, and where each key is. Raises `FrontMatterError`."""
        try:
            values = json.loads(front)
            # A half of a surrogate pair ("\ud800") is no character: no page could be sent with it.
            if "\\u" in front:
                json.dumps(values, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            line, problem = 1, "too many levels"
            if isinstance(error, json.JSONDecodeError):
                line, problem = error.lineno, error.msg
            elif isinstance(error, UnicodeEncodeError):
                half = re.search(r"\\u[dD][89a-fA-F]", front)
                line = front.count("\n", 0, half.start()) + 1 if half else 1
                problem = "half a character"
            elif isinstance(error, ValueError):
                problem = "a number of more than 4,300 digits"
            raise FrontMatterError(
                line,
                f"broken JSON: {problem}",
                'an object such as {"title": "Hello"}',
                "correct this line (every comma, no comma after the last value)",
            ) from error
        lines: dict[str, int] = {}
        for key in values:
            place = re.search(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", front)
            lines[key] = front.count("\n", 0, place.start()) + 1 if place else 1
        return FrontMatter(values, lines)


class ElixirHandler(BaseHandler):
    """NimblePublisher's: an Elixir map, a line of `---`, the text."""

    FM_BOUNDARY = _DASHES
    START_DELIMITER = ""
    END_DELIMITER = "---"

    def detect(self, text: str) -> bool:
        return _ELIXIR_START.match(text) is not None

    def split(self, text: str) -> tuple[str, str]:
        front, content = _DASHES.split(text, 1)
        return front, content

    def load(self, fm: str, **kwargs: object) -> Any:
        return self.read(fm).values

    def export(self, metadata: dict[str, object], **kwargs: object) -> str:
        return write_map(metadata)

    def read(self, front: str) -> FrontMatter:
        """Read the map, and where each key is. Raises `FrontMatterError`."""
        try:
            values, lines = read_map(front)
        except ElixirError as error:
            raise FrontMatterError(
                error.line,
                f"front matter: found {error.found}",
                error.expected,
                "write the value itself in this place",
            ) from error
        return FrontMatter(values, lines)


@dataclass(frozen=True, slots=True)
class Split:
    """A file cut in two; lines count from 1 in the text that was cut."""

    handler: Handler | None
    front: str
    front_line: int
    body: str
    body_line: int


def split(text: str) -> Split:
    """Cut a text into front matter and body. Raises `FrontMatterError`, its line in `text`."""
    stripped = text.lstrip()
    first_line = 1 + text[: len(text) - len(stripped)].count("\n")
    handler = _find_handler(stripped)
    if handler is None:
        return Split(None, "", first_line, stripped, first_line)
    try:
        front, body = handler.split(stripped)
    except ValueError:
        mark = "+++" if isinstance(handler, TomlHandler) else "---"
        raise FrontMatterError(
            first_line,
            "front matter that never ends",
            f"a line of {mark} between front matter and text",
            f"add a line {mark} before the text",
        ) from None
    if len(front.encode()) > MAX_FRONT_MATTER_BYTES:
        raise FrontMatterError(
            first_line,
            f"front matter of {len(front.encode()) // 1024} KiB",
            f"at most {MAX_FRONT_MATTER_BYTES // 1024} KiB",
            "move what is text below the front matter",
        )
    # `front` of YAML and TOML begins with the line break of the opening mark's line, so that
    # its line 1 is the mark's own line; the others begin with the file.
    content = body.lstrip("\r\n")
    body_start = len(text) - len(content)
    return Split(handler, front, first_line, content, 1 + text.count("\n", 0, body_start))


def _find_handler(text: str) -> Handler | None:
    # Told apart by their first characters; nothing else may try to read the file.
    for mark, handler in (
        ("---", YamlHandler),
        ("+++", TomlHandler),
        ("{", JsonHandler),
        ("%", ElixirHandler),
    ):
        if text.startswith(mark):
            made: Handler = handler()
            return made if made.detect(text) else None
    return None


def _describe_yaml_error(error: yaml.YAMLError, front: str) -> FrontMatterError:
    line = 1
    problem = str(error).split("\n", 1)[0]
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = error.problem or error.context or problem
        if "quoted scalar" in (error.context or ""):
            problem += " in quotes"
    elif isinstance(error, yaml.reader.ReaderError):
        line = front.count("\n", 0, int(error.position)) + 1
        problem = "a control character"
    return FrontMatterError(
        min(line, front.count("\n") + 1),
        f"broken YAML: {problem}",
        "lines such as title: Hello",
        _mend_yaml(problem),
    )


def _mend_yaml(problem: str) -> str:
    if "mapping values" in problem:
        return 'put a value that has a colon in quotes: title: "Why: because"'
    if "cannot start any token" in problem:
        return "indent with spaces, and put a value that begins with @, ` or % in quotes"
    if problem.endswith(" in quotes"):
        return "close the quotes that are open"
    return "correct this line or the one before it"
