"""The blog's icon and logo: files in `static/`, and the icon as a PNG for telephones."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path

import imagesize
from flask import Flask, Response, abort, current_app, request, url_for
from PIL import Image

from blog.config import Settings
from blog.native import NativeWork
from blog.pages.assets import Assets
from blog.pages.blueprint import pages
from blog.pages.picture_files import FOR_GOOD

log = logging.getLogger(__name__)

# What Apple's telephones ask for; they round its corners themselves.
TOUCH_PIXELS = 180
# An icon with transparency gets a margin, on the paper of light pages.
INNER_PIXELS = 140
TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


class Icons:
    """The addresses of icon and logo for templates."""

    def __init__(self, assets: Assets, settings: Settings, paper: str) -> None:
        self.icon, self.logo = settings.icon, settings.logo
        self.type = TYPES[Path(self.icon).suffix.lower()]
        self._assets = assets
        self._paper = paper
        self._work: NativeWork[bytes] = NativeWork(at_once=1, max_waiting=19)
        self._drawn: tuple[str, bytes] = ("", b"")

    @property
    def version(self) -> str:
        """Name the icon as it is now."""
        return self._assets.version(self.icon)

    @property
    def touch_url(self) -> str:
        """The address of the icon as a PNG."""
        return url_for("pages.touch_icon", v=self.version)

    @property
    def logo_size(self) -> tuple[int, int]:
        """The width and height of the logo, so that nothing moves when it comes."""
        try:
            width, height = imagesize.get(self._assets.find(self.logo))
        except OSError:  # taken away since the start
            width = height = 1
        return max(width, 1), max(height, 1)

    def draw(self) -> bytes:
        """Return the icon as a PNG, made once for each version; b"" for a file that is no picture.

        Raises `BusyError` if too many wait for it.
        """
        version = self.version
        if self._drawn[0] != version:
            path = self._assets.find(self.icon)
            self._drawn = version, self._work.run(lambda: draw_touch_icon(path, self._paper))
            if not self._drawn[1]:
                log.warning("%s: found no picture, expected an SVG or a PNG", path)
        return self._drawn[1]


def draw_touch_icon(path: Path, paper: str) -> bytes:
    """Draw an icon on a square of paper; return b"" for what is no picture."""
    try:
        picture = _open(path).convert("RGBA")
    except (OSError, ValueError):
        return b""
    is_opaque = picture.getchannel("A").getextrema()[0] == 255
    most = TOUCH_PIXELS if is_opaque else INNER_PIXELS
    scale = most / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (TOUCH_PIXELS, TOUCH_PIXELS), paper)
    square.alpha_composite(picture, ((TOUCH_PIXELS - width) // 2, (TOUCH_PIXELS - height) // 2))
    png = BytesIO()
    square.convert("RGB").save(png, "PNG", optimize=True)
    return png.getvalue()


def _open(path: Path) -> Image.Image:
    """Open a picture. Raises OSError or ValueError for what is none."""
    if path.suffix.lower() == ".png":
        return Image.open(path, formats=["PNG"])
    import resvg_py  # 3 MB, of which nothing is needed unless a telephone asks

    drawn = resvg_py.svg_to_bytes(
        svg_string=path.read_text(encoding="utf-8"), width=TOUCH_PIXELS, skip_system_fonts=True
    )
    return Image.open(BytesIO(bytes(drawn)))


def install_icons(app: Flask, assets: Assets, settings: Settings, paper: str) -> None:
    """Give every template `icons`."""
    icons = Icons(assets, settings, paper)
    app.extensions["icons"] = app.jinja_env.globals["icons"] = icons


@pages.get("/apple-touch-icon.png")
def touch_icon() -> Response:
    """Answer with the icon as telephones want it."""
    icons: Icons = current_app.extensions["icons"]
    png = icons.draw() or abort(404)
    response = Response(png, mimetype="image/png")
    if request.args.get("v") == icons.version:
        response.headers["Cache-Control"] = FOR_GOOD
    return response
