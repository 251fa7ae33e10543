import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from blog.posts.dates import read_date
from blog.posts.reader import read_post

HERE = Path(__file__).parent
REAL_POSTS = HERE.parents[2] / "shared/corpus/nodejs-blog"
FEW_POSTS = HERE / "corpus"


def reading(source, name="hello.md"):
    content = source.encode() if isinstance(source, str) else source
    return read_post(Path("posts") / name, PurePosixPath(name), content)


def read(source, name="hello.md"):
    result = reading(source, name)
    assert result.faults == ()
    assert result.post is not None
    return result.post


def faults(source, name="hello.md"):
    result = reading(source, name)
    assert result.post is None
    return [(fault.line, fault.found) for fault in result.faults]


def yaml(lines, body="Some text.\n"):
    return f"---\n{lines}\n---\n\n{body}"


FOUR_FORMATS = {
    "yaml": "---\ntitle: Hello\ndate: 2026-11-24\ntags: [a, b]\nmood: ok\n---\n\nText\n",
    "toml": '+++\ntitle = "Hello"\ndate = 2026-11-24\ntags = ["a", "b"]\nmood = "ok"\n+++\nText\n',
    "json": '{\n"title": "Hello","date":"2026-11-24",\n"tags": ["a", "b"],\n"mood": "ok"}\nText\n',
    "elixir": '%{\ntitle: "Hello", date: ~D[2026-11-24],\ntags: ~w(a b), mood: :ok\n}\n---\nText\n',
}


@pytest.mark.parametrize("source", FOUR_FORMATS.values(), ids=FOUR_FORMATS.keys())
def test_each_format_of_front_matter_gives_the_same_post(source):
    post = read(source)
    assert (post.id, post.title, post.tags) == ("hello", "Hello", ("a", "b"))
    assert post.date == datetime(2026, 11, 24, tzinfo=UTC)
    assert dict(post.extra) == {"mood": "ok"}
    assert (post.body, post.words) == ("Text\n", 1)
    assert source.split("\n")[post.body_line - 1] == "Text"


@pytest.mark.parametrize("source", FOUR_FORMATS.values(), ids=FOUR_FORMATS.keys())
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(source):
    windows = read(b"\xef\xbb\xbf" + source.replace("\n", "\r\n").encode())
    plain = read(source)
    assert (windows.title, windows.body, windows.body_line) == ("Hello", "Text\n", plain.body_line)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("'2026-11-24T10:00:00.250Z'", datetime(2026, 11, 24, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-11-24 10:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T10:00:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        (
            "2026-11-24 10:00:00 +0530",
            datetime(2026, 11, 24, 10, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        ),
        ("Tue, 24 Nov 2026 10:00:00 -0500", datetime(2026, 11, 24, 15, tzinfo=UTC)),
        ("24 November 2026", datetime(2026, 11, 24, tzinfo=UTC)),
        ("November 24, 2026", datetime(2026, 11, 24, tzinfo=UTC)),
        ("Nov 24 2026", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026/1/3 9:05:00", datetime(2026, 1, 3, 9, 5, tzinfo=UTC)),
        ("2026/01/03", datetime(2026, 1, 3, tzinfo=UTC)),
        ("2026/01/03 09:05:00 +0800", datetime(2026, 1, 3, 1, 5, tzinfo=UTC)),
        ("2026.01.03", datetime(2026, 1, 3, tzinfo=UTC)),
        ("13.01.2026", datetime(2026, 1, 13, tzinfo=UTC)),
        ("3.1.2026, 10:00", datetime(2026, 1, 3, 10, tzinfo=UTC)),
        ("2026-01-03 10:00 PM", datetime(2026, 1, 3, 22, tzinfo=UTC)),
        ("2026-01-03 12:05:06am", datetime(2026, 1, 3, 0, 5, 6, tzinfo=UTC)),
    ],
)
def test_a_date_is_read_in_the_forms_that_people_write(written, expected):
    assert read(yaml(f"title: a\ndate: {written}")).date == expected


@pytest.mark.parametrize(
    "written",
    [
        "last tuesday",
        "2026-02-30",
        "11/24/2026",
        "2026-01-03 13:00 PM",
        "2026/01-03",
        "0001-01-01T00:00:00+14:00",
        "Mon, 99999999999999999999 Nov 2026 10:00:00 +0000",
    ],
)
def test_a_date_that_cannot_be_read_is_a_fault_on_its_line(written):
    assert faults(yaml(f"title: a\ndate: {written}")) == [(3, f'date: found "{written}"')]


@pytest.mark.parametrize(
    ("name", "post_id", "date"),
    [
        ("2026/11-24-hello.md", "hello", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24-hello.md", "hello", datetime(2026, 11, 24, tzinfo=UTC)),
        ("hello.md", "hello", None),
        ("release/v0.10.0.md", "v0.10.0", None),
        ("cve-2015-8027_cve-2015-6764.md", "cve-2015-8027_cve-2015-6764", None),
        ("Ünï côde.md", "Ünï-côde", None),
    ],
)
def test_the_name_of_the_file_gives_id_and_date(name, post_id, date):
    post = read("# Title\n", name)
    assert (post.id, post.date) == (post_id, date)


def test_an_offset_has_whole_minutes():
    amsterdam, monrovia = ZoneInfo("Europe/Amsterdam"), ZoneInfo("Africa/Monrovia")
    assert str(read_date("1880-05-06", amsterdam)) == "1880-05-06 00:00:00+00:20"
    assert str(read_date("1971-05-06 10:00", monrovia)) == "1971-05-06 10:00:00-00:44"
    given = datetime(1880, 5, 6, tzinfo=timezone(timedelta(minutes=19, seconds=32)))
    assert str(read_date(given)) == "1880-05-06 00:00:00+00:20"
    assert str(read_date("2026-05-06", amsterdam)) == "2026-05-06 00:00:00+02:00"


def test_a_slug_may_have_letters_of_every_script():
    assert read(yaml("title: a\nslug: Привет, мир"), "hello.md").id == "Привет-мир"
    post = read(yaml("title: a\nslug: Café au lait"), "привет.md")
    assert (post.id, post.former_id) == ("Café-au-lait", "Cafe-au-lait")


def test_a_translation_beside_an_index_is_in_its_language():
    assert read("# Titre\n", "one/index.fr.md").lang == "fr"
    assert read(yaml("title: a\nlang: fr-CA"), "one/index.fr.md").lang == "fr-CA"


def test_front_matter_goes_before_the_name_of_the_file():
    post = read(yaml("title: a\ndate: 2025-01-02\nslug: other one"), "2026-11-24-hello.md")
    assert (post.id, post.date) == ("other-one", datetime(2025, 1, 2, tzinfo=UTC))


def test_a_day_in_the_file_name_that_does_not_exist_is_a_fault():
    assert faults("# a\n", "2026-02-30-x.md") == [(1, "date: found 2026-02-30 in the file's name")]


def test_title_and_description_fall_back_to_heading_and_first_paragraph():
    post = read(
        "```\n# no\n```\n\n## The *real* [title](x) ##\n\nA **first** `paragraph`.\n\nMore.\n"
    )
    assert (post.title, post.description) == ("The real title", "A first paragraph.")
    assert post.titled_by_heading


def test_a_setext_heading_is_a_title_too():
    assert read("Hello *there*\n=====\n\ntext\n").title == "Hello there"


def test_a_long_first_paragraph_is_cut_at_a_word():
    description = read("# T\n\n" + "abcdefghi " * 50).description
    assert description == "abcdefghi " * 18 + "abcdefghi…"


def test_authors_and_tags_are_read_however_they_are_written():
    post = read(yaml("title: a\nauthors: [Ann, Ben]\ntags: x, y"))
    assert (post.authors, post.tags) == (("Ann", "Ben"), ("x", "y"))
    post = read(yaml("title: a\nauthor: Ann\ncategory: news"))
    assert (post.authors, post.tags) == (("Ann",), ("news",))


def test_draft_updated_and_unknown_fields_are_kept():
    post = read(yaml("title: a\ndraft: true\nupdated: 2026-11-25\nlayout: wide"))
    assert post.draft
    assert post.updated == datetime(2026, 11, 25, tzinfo=UTC)
    assert dict(post.extra) == {"layout": "wide"}


def test_every_fault_of_a_file_is_told_at_once():
    lines = "title: [a]\ndate: soon\nupdated: {}\ndraft: maybe\ntags: {a: 1}\nslug: '!!'"
    assert faults(yaml(lines, "# A heading\n")) == [
        (2, "title: found a list of 1"),
        (3, 'date: found "soon"'),
        (4, "updated: found a mapping"),
        (5, 'draft: found "maybe"'),
        (6, "tags: found a mapping"),
        (7, 'slug: found "!!"'),
    ]


def test_a_fault_is_shown_as_place_found_expected_mend():
    (fault,) = reading(yaml("title: a\ndate: last tuesday")).faults
    assert str(fault) == (
        'posts/hello.md:3: date: found "last tuesday", expected a date such as 2026-11-24 or '
        "2026-11-24T10:00:00Z, write it in that form or remove the line to take the date from "
        "the file's name"
    )


@pytest.mark.parametrize(
    ("source", "line", "found"),
    [
        ("just text\n", 1, "title: found none"),
        ("---\ndate: 2026-01-01\ntitle: a: b\n---\n", 3, "broken YAML: mapping values"),
        ("---\n- a\n---\n", 2, "broken YAML: text without keys"),
        ("---\ntitle: a\n\ntext\n", 1, "front matter that never ends"),
        ('+++\ntitle = "a"\ndate =\n+++\n', 3, "broken TOML: Invalid value"),
        ('{\n"title": "a",\n]\n', 3, "broken JSON: "),
        ('%{\n title: "a"\n tags: []\n}\n---\n', 3, "front matter: found 'tags'"),
        ('{\n"title": "\\ud800"}\n', 2, "broken JSON: half a character"),
        (b"# a\n\ncaf\xe9\n", 3, "bytes that are no UTF-8"),
        (yaml("title: a\nx: " + "y" * 66_000), 1, "front matter of 64 KiB"),
        (b"# a\n" + b"x" * 5 * 1024 * 1024, 1, "a file of 5.0 MiB"),
    ],
)
def test_what_is_broken_is_named_with_its_line(source, line, found):
    ((at, said),) = faults(source)
    assert at == line
    assert said.startswith(found)


ALIASES = "\n".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 30))


@pytest.mark.parametrize(
    "source",
    [
        yaml("a0: &a0 [x, x]\n" + ALIASES),
        yaml("title: " + "[" * 60_000),
        yaml("title:\n" + "- " * 30_000),
        "+++\na = " + "[" * 30_000 + "\n+++\n",
        "+++\na" + ".a" * 20_000 + " = 1\n+++\n",
        "+++\na = " + "9" * 5000 + "\n+++\n",
        '{"a": ' + "[" * 60_000,
        '{"title": "a", "b": ' + "9" * 5000 + "}\n",
        "%{a: " + "[" * 60_000 + "\n---\n",
        yaml("title: a\ndraft: 1" + ":1" * 20_000),
        yaml("title: a\nb: !!bool x"),
        "_a " * 20_000,
        "`" * 50_000 + "a",
        "# Brackets\n\n" + "![" * 100_000,
        "# Brackets\n\n" + "[" * 100_000 + "]" * 100_000,
    ],
    ids=lambda source: source[:24],
)
def test_a_hostile_file_is_a_fault_within_a_second(source):
    start = time.process_time()
    assert faults(source)
    assert time.process_time() - start < 1


def test_a_fault_is_one_line_and_steers_no_terminal():
    content = "%{date: ~D[a\n\x1b[31mb\u202e]}\n---\n".encode()
    path = Path("posts/a\n\x1b[2J.md")
    reading = read_post(path, PurePosixPath("a.md"), content)
    assert reading.faults
    for fault in reading.faults:
        assert not set("\n\x1b\u202e") & set(str(fault)), str(fault)


def test_a_title_from_a_heading_has_no_control_characters():
    assert read("# A\x80\x07 B\n").title == "A B"


def test_many_brackets_that_are_closed_are_none_of_it():
    assert read("# Links\n\n" + "[a](/b) [c] \\] " * 2_000).title == "Links"


def test_a_time_stamp_that_is_none_stays_text():
    assert dict(read(yaml("title: a\nb: !!timestamp soon")).extra) == {"b": "soon"}


def test_a_title_loses_control_characters():
    assert read(yaml(r'title: "a\0b\x1bc"')).title == "abc"


def test_every_real_post_is_read_and_keeps_its_name():
    folder = REAL_POSTS if REAL_POSTS.is_dir() else FEW_POSTS
    paths = sorted(path for path in folder.rglob("*.md") if path.is_file())
    readings = [reading(path.read_bytes(), path.relative_to(folder).as_posix()) for path in paths]
    assert [fault for each in readings for fault in each.faults] == []
    posts = [each.post for each in readings if each.post is not None]
    assert len(posts) == (379 if folder == REAL_POSTS else 3)
    if folder == REAL_POSTS:
        assert [post.id for post in posts] == [path.stem for path in paths]


def test_the_few_posts_written_for_the_tests_are_read():
    named = {path.name: read(path.read_bytes(), path.name) for path in FEW_POSTS.glob("*.md")}
    assert {name: (post.id, post.title) for name, post in named.items()} == {
        "security-release_v0.10.0.md": ("security-release_v0.10.0", "Node v0.10.0 (Stable)"),
        "2026-11-24-elixir.md": ("elixir", "Hello from Elixir"),
        "plain.md": ("plain", "A title without front matter"),
    }
