"""Every package that is installed is pinned, by version and by hash."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PINNED = ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def read_pins(name: str) -> dict[str, str]:
    """Return the requirements of a file: name and the rest of its entry."""
    text = re.sub(r"^\s*#.*$", "", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
    entries = [entry.strip() for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
    return {re.split(r"[=<>~!@;\[ ]", entry)[0].lower(): entry for entry in entries}


@pytest.mark.parametrize("name", PINNED)
def test_every_entry_has_one_version_and_hashes(name):
    pins = read_pins(name)
    assert len(pins) > 5
    for entry in pins.values():
        requirement, *_ = entry.split()
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.!+]*", requirement), entry
        assert HASH.findall(entry), entry
        assert not re.findall(r"https?://|git\+|file:", entry), entry


def read_project(name: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / name).read_text("utf-8"))["project"]
    return project


def test_everything_that_the_project_asks_for_is_pinned():
    project, library = map(read_project, ("pyproject.toml", "flask_presence/pyproject.toml"))
    own = [one for one in project["dependencies"] if one.startswith("flask-presence")]
    assert own == [f"flask-presence[gunicorn,valkey]=={library['version']}"]
    assert project["version"] == library["version"]
    extras = [one for extra in library["optional-dependencies"].values() for one in extra]
    asked = {
        "requirements.txt": [
            *[one for one in project["dependencies"] if one not in own],
            *library["dependencies"],
            *extras,
        ],
        "requirements-dev.txt": project["optional-dependencies"]["dev"],
        "requirements-bench.txt": project["optional-dependencies"]["bench"],
    }
    for name, requirements in asked.items():
        pins = read_pins(name)
        for requirement in requirements:
            assert re.split(r"[\[=<>!~;]", requirement)[0].lower() in pins, (name, requirement)


def test_the_library_asks_for_three_packages_and_no_more():
    library = read_project("flask_presence/pyproject.toml")
    names = {re.split(r"[\[=<>!~;]", requirement)[0] for requirement in library["dependencies"]}
    assert names == {"flask", "gevent", "redis"}


def test_a_package_has_the_same_version_wherever_it_is_pinned():
    versions = [
        {package: entry.split()[0] for package, entry in read_pins(name).items()} for name in PINNED
    ]
    for package, version in versions[0].items():
        for others in versions[1:]:
            assert others.get(package, version) == version


def test_what_is_installed_is_checked_against_the_hashes():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for name in PINNED:
        assert f"--require-hashes -r {name}" in makefile


def test_what_comes_from_npm_is_pinned_by_its_integrity():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    vendored = tool["hatch"]["build"]["targets"]["wheel"]["hooks"]["npm-vendor"]["packages"]
    for package in [*vendored, *tool["viblog"]["test-packages"]]:
        assert package["integrity"].startswith("sha512-"), package
        assert re.fullmatch(r"[0-9.]+", package["version"]), package
