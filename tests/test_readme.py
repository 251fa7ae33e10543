"""The README agrees with the code. Run with `--write`, this makes the tables of settings anew."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from blog.cli import posts_cli
from blog.config import describe_settings

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SETTINGS = ROOT / "docs" / "settings.md"
# The comment that names the settings of a table, the table, the comment after it.
TABLE = re.compile(r"(<!-- settings: ([A-Z_ ]+) -->\n)(.*?)(<!-- end of settings -->)", re.DOTALL)
MAX_PICTURE_BYTES = 200_000


def make_table(names: list[str]) -> str:
    """Return the table of these settings as Markdown; raises KeyError for an unknown one."""
    known = {variable: rest for variable, *rest in describe_settings()}
    rows = ["| Variable | Default | Expected | Meaning |", "|---|---|---|---|"]
    for variable in names:
        default, expected, meaning = known[variable]
        shown = f"`{default}`" if default else "empty"
        cells = (f"`{variable}`", shown, expected, meaning)
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def renew(text: str) -> str:
    """Return a page's text with its tables of settings made anew."""
    return TABLE.sub(lambda found: found[1] + make_table(found[2].split()) + found[4], text)


def names_in_tables(text: str) -> list[str]:
    """Return the settings that the tables of a page have, in their order."""
    return [name for found in TABLE.finditer(text) for name in found[2].split()]


def read_code(text: str) -> list[str]:
    """Return the texts between backticks, and the lines of console blocks after `$`."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    commands = [
        line.removeprefix("$ ")
        for language, block in blocks
        if language == "console"
        for line in block.splitlines()
    ]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return commands + re.findall(r"`([^`\n]+)`", prose)


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [README, SETTINGS], ids=lambda page: page.name)
def test_the_tables_of_settings_are_fresh(page):
    """If this fails, run `.venv/bin/python tests/test_readme.py --write`."""
    text = page.read_text(encoding="utf-8")
    assert text == renew(text)


def test_every_setting_is_in_one_table():
    known = [variable for variable, *_ in describe_settings()]
    assert sorted(names_in_tables(SETTINGS.read_text(encoding="utf-8"))) == sorted(known)


def test_the_readme_has_the_settings_that_people_set(readme):
    assert len(names_in_tables(readme)) == 8


def test_a_stale_table_is_noticed(readme):
    stale = readme.replace("| `PORT` | `8000` |", "| `PORT` | `8001` |")
    assert stale != readme
    assert renew(stale) == readme


def test_every_make_target_that_is_named_exists(readme):
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, re.MULTILINE))
    named = {name for code in read_code(readme) for name in re.findall(r"\bmake ([a-z]+)", code)}
    assert {"run", "dev", "test", "help"} <= named
    assert named <= targets


def test_every_flask_command_that_is_named_exists(readme):
    named = {
        name for code in read_code(readme) for name in re.findall(r"flask .*\bposts ([a-z]+)", code)
    }
    assert named == {"check"}
    assert named <= set(posts_cli.commands)


def test_every_setting_that_is_named_exists(readme):
    known = {variable for variable, *_ in describe_settings()}
    assert set(re.findall(r"BLOG_[A-Z_]+", readme)) - {"BLOG_"} <= known


def test_every_file_that_is_named_or_linked_exists(readme):
    links = set(re.findall(r"\]\((?!https?:|#)([^)#]+)", readme))
    words = {word for code in read_code(readme) for word in code.split()}
    files = {word for word in words if re.fullmatch(r"[\w-][\w./-]*(?:/|\.py|\.toml)", word)}
    assert "docs/live.gif" in links
    assert {"pages/", "posts/", "flask_presence/streams/hub.py"} <= files
    assert not [name for name in sorted(links | files) if not (ROOT / name).exists()]


@pytest.mark.parametrize(
    ("name", "most"),
    [("live.gif", MAX_PICTURE_BYTES), ("desk.png", 60_000), ("desk-phone.png", 60_000)],
)
def test_the_picture_is_small(name, most):
    assert (ROOT / "docs" / name).stat().st_size < most


def test_the_changelog_has_the_version(readme):
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert version is not None
    assert version[1] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: .venv/bin/python tests/test_readme.py --write")
    for page in (README, SETTINGS):
        page.write_text(renew(page.read_text(encoding="utf-8")), encoding="utf-8")
