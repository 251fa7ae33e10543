"""Which publisher a folder belongs to, and what its configuration says of addresses."""

from __future__ import annotations

import ast
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import yaml

from blog.importing.site import (
    JEKYLL_STYLES,
    MARKDOWN_SUFFIXES,
    Base,
    Defaults,
    ImportSourceError,
    Site,
)
from blog.posts.finding import SUFFIXES, describe_others

MAX_CONFIG_BYTES = 1024 * 1024
# A site's folder may be this many above the folder of posts that is named.
MAX_LEVELS_UP = 6
HUGO_PATTERN = "/:sections/:slugorfilename/"
_HUGO_FOLDERS = ("content", "archetypes", "layouts", "themes")


def find_site(folder: Path, kind: str = "", address: str = "") -> Site:
    """Find out what a folder is; `kind` and `address`, a pattern, are believed where given.

    Raises `ImportSourceError` for a folder without posts.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - without `..`, and links as they are
    if folder.is_file():
        return _with_address(_find_export(folder, kind), address)
    for place in [folder, *folder.parents][: MAX_LEVELS_UP + 1]:
        for found, configure in _CONFIGURE.items():
            if kind not in ("", found):
                continue
            try:
                if site := configure(place, folder):
                    return _with_address(_check(site, folder), address)
            except ImportSourceError:
                raise
            except ValueError as error:  # an address that is none, a zero byte in a path
                raise ImportSourceError(
                    f"{place}: its settings cannot be used ({error})"
                ) from error
    site = Site(kind or _guess_by_content(folder), folder, folder, {})
    default = {"jekyll": JEKYLL_STYLES["date"], "hugo": HUGO_PATTERN, "pelican": "/:slug.html"}
    site = Site(site.kind, folder, folder, {"": default.get(site.kind, "")})
    return _with_address(_check(site, folder), address)


def _find_export(path: Path, kind: str) -> Site:
    with path.open("rb") as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    found = {b"<": "wordpress", b"{": "ghost"}.get(start, "")
    if not found or kind not in ("", found):
        expected = "a folder, WordPress's export (.xml) or Ghost's (.json)"
        raise ImportSourceError(f"{path}: found another file, expected {expected}")
    pattern = "/:slug/" if found == "ghost" else ""
    return Site(found, path.parent, path.parent, {"": pattern}, export=path)


def _check(site: Site, folder: Path) -> Site:
    if next(site.walk(), None) is None:
        others = describe_others(folder) or f"expected one that ends in {SUFFIXES[0]}"
        raise ImportSourceError(f"{folder}: found no posts: {others}")
    return site


def _with_address(site: Site, address: str) -> Site:
    if not address:
        return site
    return replace(site, patterns={"": address}, prefix="", ugly=frozenset(), translated="")


def _configure_jekyll(place: Path, folder: Path) -> Site | None:
    config = _read_config(place, "_config", (".yml", ".yaml", ".toml"))
    if config is None and not (place / "_posts").is_dir():
        return None
    config = config or {}
    of_posts = _take_mapping(_take_mapping(config, "collections"), "posts")
    style = str(of_posts.get("permalink") or config.get("permalink") or "date")
    # Octopress and Hexo have `root`, and a folder of sources.
    prefix = str(config.get("baseurl") or config.get("root") or "")
    source = place / str(config.get("source_dir") or config.get("source") or ".")
    defaults = [
        Defaults(
            _take_mapping(one, "values"), str(scope.get("path") or ""), str(scope.get("type") or "")
        )
        for one in _take_mappings(config, "defaults")
        for scope in [_take_mapping(one, "scope")]
    ]
    bases = [Base(source), Base(source / str(config.get("collections_dir") or "."))]
    only = frozenset({"_posts", "_drafts"})
    return Site(
        "jekyll",
        place,
        folder,
        {"": JEKYLL_STYLES.get(style, style)},
        prefix,
        _read_zone(config, "timezone"),
        only if _is_same(folder, place) or next(folder.rglob("_posts"), None) else frozenset(),
        bases=tuple(Base(Path(os.path.normpath(base.folder))) for base in bases),
        defaults=tuple(defaults),
    )


def _configure_zola(place: Path, folder: Path) -> Site | None:
    config = _read_config(place, "zola", (".toml",)) or _read_config(place, "config", (".toml",))
    content = place / "content"
    if config is None or "base_url" not in config or not content.is_dir():
        return None
    return Site(
        "zola",
        place,
        content if _is_same(folder, place) else folder,
        {"": "/:sections/:slug/"},
        urlsplit(str(config["base_url"])).path,
        bases=(Base(content),),
        language=str(config.get("default_language") or "en").lower(),
        languages=frozenset(code.lower() for code in _take_mapping(config, "languages")),
    )


def _configure_hugo(place: Path, folder: Path) -> Site | None:
    suffixes = (".toml", ".yaml", ".yml", ".json")
    config = _read_config(place, "hugo", suffixes)
    divided = place / "config" / "_default"
    for stem in ("hugo", "config"):
        config = _read_config(divided, stem, suffixes) if config is None else config
    if config is None and any((place / name).is_dir() for name in _HUGO_FOLDERS):
        config = _read_config(place, "config", suffixes)
    if config is None:
        return None
    for name in ("permalinks", "languages", "module", "uglyurls"):
        part = _read_config(divided, name, suffixes)
        config = config if part is None else {**config, name: part}
    named = {str(name).lower(): value for name, value in config.items()}
    patterns = {"": HUGO_PATTERN}
    permalinks = _take_mapping(named, "permalinks")
    for source in (permalinks, _take_mapping(permalinks, "page")):
        patterns |= {str(k).strip("/"): v for k, v in source.items() if isinstance(v, str)}
    ugly = named.get("uglyurls")
    sections = [str(k) for k, v in ugly.items() if v is True] if isinstance(ugly, dict) else []
    language = str(named.get("defaultcontentlanguage") or "en").lower()
    languages = {
        str(code).lower(): {str(k).lower(): v for k, v in _take_mapping(all_, code).items()}
        for all_ in [_take_mapping(named, "languages")]
        for code in all_
    }
    content = place / str(named.get("contentdir") or "content")
    bases = [Base(content)]
    for code, config_ in languages.items():
        if config_.get("contentdir"):
            bases.append(Base(place / str(config_["contentdir"]), code))
    bases += [
        Base(place / str(mount.get("source") or ""), str(mount.get("lang") or ""))
        for mount in _take_mappings(_take_mapping(named, "module"), "mounts")
        if str(mount.get("target") or "").strip("/") == "content"
    ]
    normal = (Base(Path(os.path.normpath(base.folder)), base.lang) for base in bases)
    bases = [base for base in normal if base.folder.is_relative_to(place)]
    return Site(
        "hugo",
        place,
        _find_common(bases, place) if _is_same(folder, place) else folder,
        patterns,
        urlsplit(str(named.get("baseurl") or "")).path,
        _read_zone(named, "timezone"),
        bases=tuple(bases),
        ugly=frozenset([""] if ugly is True else sections),
        language=language,
        languages=frozenset(languages),
        in_subdir=named.get("defaultcontentlanguageinsubdir") is True,
        keeps_case=named.get("disablepathtolower") is True,
    )


def _configure_pelican(place: Path, folder: Path) -> Site | None:
    path = place / "pelicanconf.py"
    if not path.is_file():
        return None
    # Read, never run: only what is written out in it counts.
    config: dict[str, Any] = {}
    try:
        for step in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(step, ast.Assign) and isinstance(step.value, ast.Constant):
                config |= {t.id: step.value.value for t in step.targets if isinstance(t, ast.Name)}
    except (OSError, ValueError, SyntaxError, RecursionError) as error:
        raise ImportSourceError(f"{path}: it cannot be read ({error})") from error
    pattern = "/" + str(config.get("ARTICLE_URL") or "{slug}.html").lstrip("/")
    # By default `{slug}-{lang}.html`; who sets one of the two knows of the other.
    translated = config.get("ARTICLE_LANG_URL")
    if translated is None and "ARTICLE_URL" not in config:
        translated = "{slug}-{lang}.html"
    posts = place / str(config.get("PATH") or "content") if _is_same(folder, place) else folder
    prefix = urlsplit(str(config.get("SITEURL") or "")).path
    return Site(
        "pelican",
        place,
        posts,
        {"": pattern},
        prefix,
        _read_zone(config, "TIMEZONE"),
        bases=(Base(Path(os.path.normpath(place / str(config.get("PATH") or "content")))),),
        language=str(config.get("DEFAULT_LANG") or "en").lower(),
        is_unicode=config.get("SLUGIFY_USE_UNICODE") is True,
        translated=str(translated or ""),
    )


_CONFIGURE = {
    "zola": _configure_zola,
    "hugo": _configure_hugo,
    "jekyll": _configure_jekyll,
    "pelican": _configure_pelican,
}


def _take_mapping(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name)
    return value if isinstance(value, Mapping) else {}


def _take_mappings(config: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = config.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _find_common(bases: list[Base], place: Path) -> Path:
    return Path(os.path.commonpath([base.folder for base in bases] or [place]))


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _read_config(place: Path, stem: str, suffixes: tuple[str, ...]) -> dict[str, Any] | None:
    for suffix in suffixes:
        path = place / f"{stem}{suffix}"
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")[:MAX_CONFIG_BYTES]
            if suffix == ".toml":
                config: Any = tomllib.loads(text)
            else:
                config = json.loads(text) if suffix == ".json" else yaml.safe_load(text)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise ImportSourceError(f"{path}: it cannot be read ({reason})") from error
        return config if isinstance(config, dict) else {}
    return None


def _read_zone(config: Mapping[str, Any], name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(config[name]))
    except (KeyError, ValueError, OSError):
        return None


def _guess_by_content(folder: Path) -> str:
    """Guess by the first posts: each publisher's files begin in their own way."""
    if {"_posts", "_drafts"} & {folder.name, *(child.name for child in folder.iterdir())}:
        return "jekyll"
    for path in Site("plain", folder, folder, {}).walk():
        if path.suffix not in MARKDOWN_SUFFIXES:
            continue
        with path.open("rb") as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"%{"):
            return "nimble"
        if start.startswith(b"+++"):
            return "hugo"
        if start.lower().startswith((b"title:", b"date:")):
            return "pelican"
        return "plain"
    return "plain"
