"""The templates of what an open page is shown: `templates/live`, rendered without a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from gettext import GNUTranslations
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from blog.placeholders import PageTemplate, render_with_placeholders
from blog.words import install_words
from flask_presence.streams.event import encode_event

# What was said of so many numbers is kept, some 300 bytes each.
MOST_WORDS = 4096
_WORDS = ("live/words.html", "viblog/live/words.html")
# An author's own words may have several lines: each begins anew in an event.
_HAS_LINE_END = re.compile(rb"[\r\n]")


class Words:
    """The macros of some templates, each of the first that has it.

    And the choice between two of them: `count` is a `Count`.
    """

    def __init__(self, list_modules: Callable[[], Iterable[Any]]) -> None:
        self._list_modules = list_modules

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python and Jinja ask of any object
            raise AttributeError(name)
        found = (getattr(module, name, None) for module in self._list_modules())
        macro = next((one for one in found if one is not None), None)
        if macro is None:
            raise AttributeError(name)
        return macro

    def online(self, count: Any) -> Markup:
        """Such as "5 readers online", or "2 readers, 5 tabs"."""
        if count.readers == count.tabs:
            return self.readers_online(count.readers)  # type: ignore[no-any-return]
        return self.readers_in_tabs(count.readers, count.tabs)  # type: ignore[no-any-return]

    def reading(self, count: Any) -> Markup:
        """Such as "2 reading now", or "2 reading, 3 tabs"."""
        if count.readers == count.tabs:
            return self.reading_now(count.readers)  # type: ignore[no-any-return]
        return self.reading_in_tabs(count.readers, count.tabs)  # type: ignore[no-any-return]


class _Numbers:
    """The numbers of a frame: as counted, as an id, and in words: `say` runs a macro of them."""

    __slots__ = ("_faces", "_here", "_say", "_total", "title")

    def __init__(self, say: Callable[[str, Any], Markup], shown: Any) -> None:
        self._say = say
        self._total = shown.total
        self._here = shown.here
        self.title = shown.title
        self._faces = shown.faces

    @property
    def total(self) -> int:
        return self._total.tabs  # type: ignore[no-any-return]

    @property
    def here(self) -> int:
        return self._here.tabs  # type: ignore[no-any-return]

    @property
    def total_id(self) -> Markup:
        return _name(self._total)

    @property
    def here_id(self) -> Markup:
        return _name(self._here)

    @property
    def in_title(self) -> Markup:
        return self._say("in_title", self.here)

    @property
    def total_words(self) -> Markup:
        return self._say("online", self._total)

    @property
    def here_words(self) -> Markup:
        return self._say("reading", self._here)

    @property
    def faces(self) -> Markup:
        """The faces, and how many more there are."""
        return self._say("faces", self._faces)


@lru_cache(MOST_WORDS)
def _name(count: Any) -> Markup:
    """Name a count: another one for each that has other words."""
    readers, tabs = count
    return escape(tabs if readers == tabs else f"{tabs}-{readers}")


class LiveTemplates:
    """The words and the events of the streams. `reloads` is whether what is saved is read anew.

    `words` has the macros of `live/words.html`: each returns HTML.
    """

    def __init__(
        self, loader: BaseLoader, words: GNUTranslations, *, reloads: bool = False
    ) -> None:
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            auto_reload=reloads,
            undefined=StrictUndefined,
        )
        install_words(self._environment, words)
        self._modules: list[Any] = []
        self.words: Any = Words(self._list_modules)
        # The macros use it, too: one that calls another gets the author's own, where there is one.
        self._environment.globals["words"] = self.words
        # By the kind of page and frame: what the index says, and what was made of it.
        self._frames: dict[tuple[bool | str, ...], tuple[object, PageTemplate | None]] = {}
        self.reloads = reloads
        # A macro takes as long as the rest of a frame, and only few numbers occur.
        self._say_again = lru_cache(MOST_WORDS)(self._say)
        self._greet_again = lru_cache(MOST_WORDS)(self._make_you)  # of some 250 faces

    def _list_modules(self) -> Iterable[Any]:
        """Return what has the macros: an author's own file, and the theme's for the rest."""
        if not self._modules or self.reloads:
            self._modules = [self._environment.get_template(name).module for name in _WORDS]
        return self._modules

    def _say(self, macro: str, said: Any) -> Markup:
        return getattr(self.words, macro)(said)  # type: ignore[no-any-return]

    def frame(self, shown: Any, *, arrived: bool = False) -> bytes:
        """Return the event that has every live element of a page: a `CountSnapshot`.

        It is made once, with placeholders for the numbers, because every arrival needs a frame; and
        anew when what the index says of posts changes.
        """
        numbers = _Numbers(self._say if self.reloads else self._say_again, shown)
        if shown.has_sections or self.reloads:
            return self._make_frame(shown, arrived, numbers)
        index = (shown.reads, shown.named, shown.lately, shown.curve)
        lacks = (shown.here is None, shown.faces is None, not shown.title, shown.curve is None)
        kind = (shown.state, arrived, shown.reads is None, *lacks)
        made = self._frames.get(kind)
        if made is None or made[0] != index:
            made = self._frames[kind] = index, self._prepare_frame(shown, arrived)
        prepared = made[1]
        if prepared is not None:
            texts = prepared.read_from(numbers)
            if not _HAS_LINE_END.search(b"".join(texts)):
                return prepared.fill(texts)
        return self._make_frame(shown, arrived, numbers)

    def _prepare_frame(self, shown: Any, arrived: bool) -> PageTemplate | None:
        """Return a frame with placeholders; None for a template that tests a number."""
        try:
            return render_with_placeholders(
                lambda live: self._make_frame(shown, arrived, live).decode(), object
            )
        except TypeError:
            return None

    def _make_frame(self, shown: Any, arrived: bool, numbers: object) -> bytes:
        data = self._render(
            "frame",
            numbers=numbers,
            has_here=shown.here is not None,
            has_title=bool(shown.title),
            has_faces=shown.faces is not None,
            state=shown.state,
            arrived=arrived,
            sections=shown.faces.sections if shown.has_sections else (),
            index=None if shown.reads is None else shown,
        )
        return encode_event(data)

    def ping(self) -> str:
        """Return the data of the event that a quiet stream is alive."""
        return self._render("ping")

    def you(self, face: Any, tab: str) -> bytes:
        """Return the event that tells a tab which face it is: a `Face`."""
        return self._make_you(face, tab) if tab or self.reloads else self._greet_again(face, "")

    def _make_you(self, face: Any, tab: str) -> bytes:
        return encode_event(self._render("you", face=face, tab=tab))

    def parked(self, seconds: int) -> str:
        """Return the data of the last event of a tab that shall stay away; it was open so long."""
        return self._render("parked", seconds=seconds)

    def updated(self, revision: str, path: str) -> str:
        """Return the data of the event that a post has another revision; "" if it is gone.

        `path` leads to the post, or to the others.
        """
        return self._render("updated", revision=revision, path=path)

    def _render(self, name: str, **context: object) -> str:
        template = self._environment.get_template(f"live/{name}.html")
        return template.render(**context)
