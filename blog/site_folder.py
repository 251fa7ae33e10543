"""The author's site folder, and what the engine has in its place: templates, styles, themes.

A site folder holds nothing of the engine: `viblog.toml`, `.env`, `posts/`, `pages/`, and what it
overrides of the theme in `templates/` and `static/`. The current folder is one if it has a
`viblog.toml`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

SETTINGS_FILE = "viblog.toml"
SECRETS_FILE = ".env"
# The one setting that is a table.
WORDS = "words"


class SettingsFileError(ValueError):
    """A file of settings cannot be read; the message says where and why."""


def engine_folder() -> Path:
    """Return the folder with the engine's `templates` and `static` and `gunicorn.conf.py`.

    In an installed package that is `blog/theme`; in the repository, its root.
    """
    installed = Path(__file__).parent / "theme"
    return installed if installed.is_dir() else Path(__file__).parents[1]


def find_site(folder: Path | None = None) -> Path | None:
    """Return a folder, the current one by default, if it is a site folder, else None."""
    folder = folder or Path.cwd()
    return folder if (folder / SETTINGS_FILE).is_file() else None


def overridden(site: Path | None, name: str, theme: str = "") -> tuple[Path, ...]:
    """Return the folders of a name, `templates` or `static`: the site's, a theme's, the engine's.

    A `theme` has only what differs, as a site has.
    """
    own = () if site is None else (site / name,)
    chosen = (engine_folder() / "themes" / theme / name,) if theme else ()
    return (*own, *chosen, engine_folder() / name)


def read_settings_file(site: Path) -> Iterator[tuple[str, str]]:
    """Yield each setting of `viblog.toml` and its value, written as in the environment.

    Raises `SettingsFileError` for what is no TOML, and for a value that no setting has.
    """
    path = site / SETTINGS_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsFileError(f"{SETTINGS_FILE}: {error}") from error
    for name, value in table.items():
        yield name, _as_text(name, value)


def read_secrets_file(site: Path) -> Mapping[str, str]:
    """Return the variables of `.env`; none where there is no such file.

    Raises `SettingsFileError` for a file or a line that cannot be read.
    """
    try:
        with (site / SECRETS_FILE).open(encoding="utf-8") as file:
            found = list(parse_stream(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError) as error:
        raise SettingsFileError(f"{SECRETS_FILE}: {error}") from error
    for line in found:
        if line.error:
            raise SettingsFileError(
                f"{SECRETS_FILE}, line {line.original.line}: found something else than NAME=value"
            )
    return {line.key: line.value for line in found if line.key and line.value is not None}


def _as_text(name: str, value: Any) -> str:
    if name == WORDS and isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    raise SettingsFileError(
        f"{SETTINGS_FILE}: found a {type(value).__name__} for {name}, expected a text, a number,"
        " true or false, or a list of texts"
    )
