"""What a wheel has beside the packages: the theme, as `blog/theme`, with the two files of htmx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

THEME = ("templates", "static/style.css", "static/favicon.svg", "gunicorn.conf.py")
HTMX = ("LICENSE", "dist/htmx.min.js", "dist/ext/hx-sse.min.js")


class ThemeHook(BuildHookInterface[Any]):
    """Runs after htmx was fetched, whose whole package would else be in the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say which files go where; an editable installation finds them where they are."""
        names = [*THEME, *(f"static/vendor/htmx.org/{name}" for name in HTMX)]
        included = {str(Path(self.root) / name): f"blog/theme/{name}" for name in names}
        build_data["force_include"] = {} if version == "editable" else included
