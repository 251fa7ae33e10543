"""What the wheel has beside the package's code: the theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

THEME = ("templates", "static/style.css", "static/favicon.svg", "gunicorn.conf.py")


class ThemeHook(BuildHookInterface[Any]):
    """Runs after htmx was fetched, which else would be in the wheel: `flask-presence` has it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say which files go where; an editable installation finds them where they are."""
        included = {str(Path(self.root) / name): f"blog/theme/{name}" for name in THEME}
        build_data["force_include"] = {} if version == "editable" else included
