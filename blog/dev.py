"""What every open page follows while an author writes: `make dev`, `viblog dev`."""

from __future__ import annotations

from pathlib import Path

from blog.config import Settings
from blog.live.following import Following
from blog.pages.assets import Assets
from blog.posts import Library
from blog.site_folder import find_site, overridden


def follow(settings: Settings, *libraries: Library) -> Following:
    """Make what has open pages follow these libraries and the pages' own files."""
    site, theme = find_site(), settings.theme
    assets = Assets(*overridden(site, "static", theme))

    def style_urls() -> tuple[str, ...]:
        names = [name for name in ("style.css", "theme.css", "custom.css") if assets.has(name)]
        return tuple(
            f"{settings.base_path}/static/{name}?v={assets.version(name)}" for name in names
        )

    blog = Path(__file__).parent
    code = (blog, blog.parent / "flask_presence")
    return Following(overridden(site, "templates", theme), code, libraries, style_urls)
