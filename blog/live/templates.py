"""The templates of what an open page is shown: `templates/live`, rendered without a request."""

from __future__ import annotations

from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined


class LiveTemplates:
    """The words and the events of the streams. `reloads` is whether what is saved is read anew."""

    def __init__(self, loader: BaseLoader, *, reloads: bool = False) -> None:
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            auto_reload=reloads,
            undefined=StrictUndefined,
        )

    @property
    def words(self) -> Any:
        """The macros of `live/words.html`: each returns HTML."""
        return self._environment.get_template("live/words.html").module

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
