"""The templates of what an open page is shown: `templates/live`, rendered without a request."""

from __future__ import annotations

from gettext import GNUTranslations
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from blog.placeholders import PageTemplate, render_with_placeholders
from blog.words import install_words

_WORDS = ("live/words.html", "viblog/live/words.html")


class _Words:
    """The macros of some templates, each of the first that has it."""

    def __init__(self, *modules: Any) -> None:
        self._modules = modules

    def __getattr__(self, name: str) -> Any:
        found = (getattr(module, name, None) for module in self._modules)
        macro = next((one for one in found if one is not None), None)
        if macro is None:
            raise AttributeError(name)
        return macro


class _Numbers:
    """The numbers of a frame, and the words for them."""

    __slots__ = ("_words", "here", "total")

    def __init__(self, words: Any, shown: Any) -> None:
        self._words = words
        self.total = shown.total
        self.here = shown.here

    @property
    def total_words(self) -> Markup:
        """Such as "5 readers online"."""
        return self._words.readers_online(self.total)  # type: ignore[no-any-return]

    @property
    def here_words(self) -> Markup:
        """Such as "2 reading now"."""
        return self._words.reading_now(self.here)  # type: ignore[no-any-return]


class LiveTemplates:
    """The words and the events of the streams. `reloads` is whether what is saved is read anew."""

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
        self._words: _Words | None = None
        self._frames: dict[tuple[bool, str, bool], PageTemplate | None] = {}
        self.reloads = reloads

    @property
    def words(self) -> Any:
        """The macros of `live/words.html`: each returns HTML.

        A macro that an author's own file does not have is the theme's.
        """
        if self._words is None or self.reloads:
            modules = [self._environment.get_template(name).module for name in _WORDS]
            self._words = _Words(*modules)
        return self._words

    def frame(self, shown: Any, *, arrived: bool = False) -> str:
        """Return the data of the event that has every live element of a page: a `CountSnapshot`.

        Except for the index it is rendered once, with placeholders for the numbers, because every
        arrival needs a frame.
        """
        numbers = _Numbers(self.words, shown)
        if shown.reads is not None or self.reloads:
            return self._render_frame(shown, arrived, numbers)
        key = (shown.here is None, shown.state, arrived)
        if key not in self._frames:
            self._frames[key] = self._prepare_frame(shown, arrived)
        prepared = self._frames[key]
        if prepared is None:
            return self._render_frame(shown, arrived, numbers)
        return prepared.fill(prepared.read_from(numbers)).decode()

    def _prepare_frame(self, shown: Any, arrived: bool) -> PageTemplate | None:
        """Return a frame with placeholders; None for a template that tests a number."""
        try:
            return render_with_placeholders(
                lambda live: self._render_frame(shown, arrived, live), object
            )
        except TypeError:
            return None

    def _render_frame(self, shown: Any, arrived: bool, numbers: object) -> str:
        return self._render(
            "frame",
            numbers=numbers,
            has_here=shown.here is not None,
            state=shown.state,
            arrived=arrived,
            index=None if shown.reads is None else shown,
        )

    def ping(self) -> str:
        """Return the data of the event that a quiet stream is alive."""
        return self._render("ping")

    def parked(self) -> str:
        """Return the data of the last event of a tab that shall stay away for now."""
        return self._render("parked")

    def updated(self, revision: str, path: str) -> str:
        """Return the data of the event that a post has another revision; "" if it is gone."""
        return self._render("updated", revision=revision, path=path)

    def _render(self, name: str, **context: object) -> str:
        template = self._environment.get_template(f"live/{name}.html")
        return template.render(words=self.words, **context)
