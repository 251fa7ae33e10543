"""What the wheel has beside the package's code: the theme."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

THEME = (
    "templates",
    "themes",
    "static/style.css",
    "static/desk.css",
    "static/charts.css",
    "static/favicon.svg",
    "static/fonts",
    "gunicorn.conf.py",
)

# Handpicked, each with a silhouette of its own.
# fmt: off
MOTIFS = (
    "cat", "dog", "fish", "bird", "butterfly", "rabbit", "acorn", "tree-evergreen", "tree-palm",
    "leaf", "flower-tulip", "cactus", "clover", "mountains", "sun", "cloud", "snowflake",
    "feather", "lightning", "umbrella", "anchor", "sailboat", "rocket", "bicycle", "balloon",
    "guitar", "bell", "key", "crown", "coffee", "carrot", "cherries",
)
# fmt: on
ICONS = "static/vendor/phosphor/icons.json"
MADE = "blog/live/motifs.json"

FONT = "static/vendor/source-serif-4"
# A browser fetches of these what a page has letters for: mostly the first two, 42 kB.
FONT_FILES = [
    f"source-serif-4-{script}-{face}.woff2"
    for script in ("latin", "latin-ext")
    for face in ("400-normal", "600-normal", "400-italic")
]

CARD_FONT = "blog/cards/firago"
CARD_FACES = ("FiraGO_Bold", "FiraGO_Regular")


class ThemeHook(BuildHookInterface[Any]):
    """Runs after the packages of npm were fetched, which else would be in the wheel.

    `flask-presence` has htmx; of the icons only those are taken that faces are made of, and of the
    font what the stylesheet names.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say which files go where; an editable installation finds them where they are."""
        icons = json.loads(Path(self.root, ICONS).read_text())["icons"]
        motifs = {name: icons[f"{name}-fill"]["body"] for name in MOTIFS}
        _put(Path(self.root, MADE), (json.dumps(motifs, indent=1) + "\n").encode())
        build_data["artifacts"].append(MADE)
        fonts = Path(self.root, "static/fonts")
        fonts.mkdir(exist_ok=True)
        for name in FONT_FILES:
            _put(fonts / name, Path(self.root, FONT, "files", name).read_bytes())
        _put(fonts / "LICENSE", Path(self.root, FONT, "LICENSE").read_bytes())
        _write_card_font(Path(self.root, CARD_FONT))
        build_data["artifacts"].append(f"{CARD_FONT}/*")
        included = {str(Path(self.root) / name): f"blog/theme/{name}" for name in THEME}
        build_data["force_include"] = {} if version == "editable" else included


def _write_card_font(folder: Path) -> None:
    """Write the two faces that cards are set in; the package has 26 more, 11 MB in all."""
    folder.mkdir(exist_ok=True)
    for face in CARD_FACES:
        content = import_module(f"pymupdf_fonts.{face}").fontbuffer
        _put(folder / f"{face}.ttf", content)
    licence = distribution("pymupdf-fonts").read_text("LICENSE.txt")
    _put(folder / "LICENSE", (licence or "").encode())


def _put(path: Path, content: bytes) -> None:
    """Write a file whole, where it is another: a blog may be reading it."""
    if path.exists() and path.read_bytes() == content:
        return
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.replace(path)
