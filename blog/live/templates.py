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

    def frame(self, shown: object) -> str:
        """Return the data of the event that has every live element of a page."""
        template = self._environment.get_template("live/frame.html")
        return template.render(shown=shown, words=self.words)

    def updated(self, revision: str, path: str) -> str:
        """Return the data of the event that a post has another revision; "" if it is gone."""
        template = self._environment.get_template("live/updated.html")
        return template.render(revision=revision, path=path)
