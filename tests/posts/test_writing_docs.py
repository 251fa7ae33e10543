"""`docs/writing.md` agrees with the code. With `--write`, this makes its table of fields anew."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath

import click
import pytest

from blog.cli import posts_cli
from blog.config import describe_settings
from blog.importing import KINDS
from blog.importing.addresses import _TOKEN
from blog.pages.feeds import FORMATS
from blog.posts import Post
from blog.posts.reader import read_post
from blog.posts.schema import FIELDS, NAMES, describe_fields

DOCS = Path(__file__).resolve().parents[2] / "docs" / "writing.md"
OWN_POST = DOCS.parent.parent / "posts" / "writing-a-post.md"
# The comment before the table, the table, the comment after it.
TABLE = re.compile(r"(<!-- fields: .*? -->\n)(.*?)(<!-- end of fields -->)", re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def make_table() -> str:
    """Return the table of fields as Markdown."""
    rows = ["| Field | Form | Meaning |", "|---|---|---|"]
    for cells in describe_fields():
        row = " | ".join(cell.replace("|", r"\|") for cell in cells)
        rows += [f"| {row} |"]
    return "\n".join(rows) + "\n"


def renew(text: str) -> str:
    """Return the document's text with the table as it has to be."""
    renewed, count = TABLE.subn(lambda found: found[1] + make_table() + found[3], text)
    assert count == 1, f"{DOCS}: the comments around the table of fields are missing"
    return renewed


def read_examples(text: str) -> dict[str, Post]:
    """Return the post that each example of front matter makes, by its format."""
    posts = {}
    for language, block in BLOCK.findall(text):
        if language in ("yaml", "toml", "json", "elixir"):
            reading = read_post(Path("x.md"), PurePosixPath("x.md"), block.encode())
            assert reading.faults == ()
            assert reading.post is not None
            posts[language] = reading.post
    return posts


@pytest.fixture(scope="module")
def docs() -> str:
    return DOCS.read_text(encoding="utf-8")


def test_the_table_of_fields_is_fresh(docs: str):
    """Where this fails, run `.venv/bin/python tests/posts/test_writing_docs.py --write`."""
    assert docs == renew(docs)


def test_a_stale_table_is_noticed(docs: str):
    stale = docs.replace("| `series` | a text |", "| `series` | a number |")
    assert stale != docs
    assert renew(stale) == docs


def test_every_field_has_a_row_of_its_own(docs: str):
    found = TABLE.search(docs)
    assert found is not None
    rows = re.findall(r"^\| `(\w+)`", found[2], re.MULTILINE)
    assert rows == [spec.name for spec in FIELDS]


def test_the_examples_are_posts_without_unknown_fields(docs: str):
    posts = read_examples(docs)
    assert sorted(posts) == ["elixir", "json", "toml", "yaml"]
    assert [dict(post.extra) for post in posts.values()] == [{}, {}, {}, {}]
    assert posts["yaml"].image == "shutter.jpg"
    assert posts["json"].expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert not posts["toml"].presence
    date = datetime(2026, 11, 20, 18, 30, tzinfo=timezone(timedelta(hours=1)))
    assert posts["toml"].date == date


def test_the_post_about_writing_shows_posts_without_unknown_fields():
    posts = read_examples(OWN_POST.read_text(encoding="utf-8"))
    assert [dict(post.extra) for post in posts.values()] == [{}, {}, {}, {}]


def test_the_post_about_writing_names_fields_that_there_are():
    table = re.findall(r"^\| `(\w+)` \|", OWN_POST.read_text(encoding="utf-8"), re.MULTILINE)
    assert "title" in table
    assert set(table) <= NAMES


def test_every_command_and_option_that_is_named_exists(docs: str):
    context = click.Context(posts_cli)
    names = posts_cli.list_commands(context)
    assert sorted(set(re.findall(r"posts (new|check|list|preview|import)\b", docs))) == names
    commands = [command for name in names if (command := posts_cli.get_command(context, name))]
    options = {
        option for command in commands for parameter in command.params for option in parameter.opts
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", docs)) - {"--app", "--write"}
    assert {"--days", "--address", "--from", "--dry-run"} <= named
    assert named <= options


def test_every_setting_publisher_and_part_of_an_address_that_is_named_exists(docs: str):
    known = {variable for variable, *_ in describe_settings()}
    assert set(re.findall(r"BLOG_[A-Z_]+", docs)) <= known
    listed = re.search(r"named by `--from` \((.*?)\)", docs, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == set(KINDS)
    parts = re.findall(r"`(:[a-z_]+)`", docs)
    assert len(parts) == 10
    assert [part for part in parts if not _TOKEN.fullmatch(part)] == []


def test_every_feed_is_named(docs: str):
    assert {f"/feed.{form.ending}" for form in FORMATS} == set(re.findall(r"`(/feed\.\w+)`", docs))


def test_every_link_within_the_document_leads_somewhere(docs: str):
    headings = re.findall(r"^#+ (.*)$", docs, re.MULTILINE)
    anchors = {heading.lower().replace(",", "").replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", docs))
    assert links == {"previews", "coming-from-another-publisher"}
    assert links <= anchors


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: .venv/bin/python tests/posts/test_writing_docs.py --write")
    DOCS.write_text(renew(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
