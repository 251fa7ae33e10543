"""Where settings are said beside the environment: the files of a site folder; and their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from blog.site_folder import (
    SECRETS_FILE,
    SETTINGS_FILE,
    SettingsFileError,
    read_secrets_file,
    read_settings_file,
)


def variable_name(spec: dataclasses.Field[Any]) -> str:
    """Name the environment variable of a field of `Settings`."""
    return str(spec.metadata["variable"]) or f"BLOG_{spec.name.upper()}"


def file_name(spec: dataclasses.Field[Any]) -> str:
    """Name a field of `Settings` as `viblog.toml` does."""
    return {"PORT": "port", "WEB_CONCURRENCY": "workers"}.get(variable_name(spec), spec.name)


def read_site(
    site: Path, specs: Mapping[str, dataclasses.Field[Any]], problems: list[str]
) -> dict[str, tuple[str, str]]:
    """Return what the files of a site folder say: by variable, where it is said and its text."""
    by_name = {file_name(spec): (variable, spec) for variable, spec in specs.items()}
    said: dict[str, tuple[str, str]] = {}
    try:
        for name, text in read_settings_file(site):
            if name not in by_name:
                close = get_close_matches(name, by_name, 1)
                hint = f"do you mean {close[0]}?" if close else "docs/settings.md has them all"
                problems.append(f"{SETTINGS_FILE}, {name}: no such setting; {hint}")
                continue
            variable, spec = by_name[name]
            if spec.metadata["kind"].is_secret:
                problems.append(
                    f"{SETTINGS_FILE}, {name}: it is a secret; put {variable}=… into"
                    f" {SECRETS_FILE}, which is not shared, or into the environment"
                )
                continue
            said[variable] = (f"{SETTINGS_FILE}, {name}", text)
    except SettingsFileError as error:
        problems.append(str(error))
    try:
        for name, text in read_secrets_file(site).items():
            said[name] = (f"{SECRETS_FILE}, {name}", text)
    except SettingsFileError as error:
        problems.append(str(error))
    return said


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the known setting that a misspelt one is nearest to, or where all of them are."""
    names = {other.removeprefix("BLOG_"): other for other in sorted(known)}
    close = get_close_matches(name.removeprefix("BLOG_"), names, 1)
    return f"do you mean {names[close[0]]}?" if close else "docs/settings.md has them all"
