"""What a wheel has beside the packages' code: the theme, and the two files of htmx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

THEME = ("templates", "static/style.css", "static/favicon.svg", "gunicorn.conf.py")
PACKAGE = "static/vendor/htmx.org"
HTMX = ("LICENSE", "dist/htmx.min.js", "dist/ext/hx-sse.min.js")


class ThemeHook(BuildHookInterface[Any]):
    """Runs after htmx was fetched, whose whole package would else be in the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say which files go where; an editable installation finds them where they are."""
        places = {name: f"blog/theme/{name}" for name in THEME}
        places |= {f"{PACKAGE}/{name}": f"flask_presence/htmx/{name}" for name in HTMX}
        included = {str(Path(self.root) / name): place for name, place in places.items()}
        build_data["force_include"] = {} if version == "editable" else included
