"""The templates of what an open page is shown: `templates/live`, rendered without a request."""

from __future__ import annotations

from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined

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


class LiveTemplates:
    """The words and the events of the streams. `reloads` is whether what is saved is read anew."""

    def __init__(self, loader: BaseLoader, *, reloads: bool = False) -> None:
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            auto_reload=reloads,
            undefined=StrictUndefined,
        )
        self._words: _Words | None = None

    @property
    def words(self) -> Any:
        """The macros of `live/words.html`: each returns HTML.

        A macro that an author's own file does not have is the theme's.
        """
        if self._words is None or self._environment.auto_reload:
            modules = [self._environment.get_template(name).module for name in _WORDS]
            self._words = _Words(*modules)
        return self._words

    def frame(self, shown: object, *, arrived: bool = False) -> str:
        """Return the data of the event that has every live element of a page."""
        return self._render("frame", shown=shown, arrived=arrived)

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
