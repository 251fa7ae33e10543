"""What the distribution has beside its own files: the two files of htmx, and their licence."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatch_npm_vendor.plugin import DEFAULT_REGISTRY
from hatch_npm_vendor.vendor import vendor_package
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("LICENSE", "dist/htmx.min.js", "dist/ext/hx-sse.min.js")
FETCHED = "static/vendor/htmx.org"


class HtmxHook(BuildHookInterface[Any]):
    """Takes htmx from where the blog's build put it, fetches it there, or has it in an sdist."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say which files go where; an editable installation finds them where they are."""
        if version == "editable":
            return
        folder = Path(self.root) / "htmx"
        if not folder.is_dir():
            folder = _find_fetched(Path(self.root).parent)
        build_data["force_include"] = {str(folder / name): f"htmx/{name}" for name in FILES}


def _find_fetched(repository: Path) -> Path:
    folder = repository / FETCHED
    if not folder.is_dir():
        hooks = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]
        (pin,) = hooks["build"]["targets"]["wheel"]["hooks"]["npm-vendor"]["packages"]
        spec = (pin["package"], pin["version"], pin["integrity"])
        vendor_package(folder, *spec, registry=DEFAULT_REGISTRY)
    return folder
