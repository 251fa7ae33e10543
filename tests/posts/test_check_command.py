"""`flask posts check` as an author types it: a process of its own, with all there is to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.pictures.photos import draw, write, write_bomb, write_moving, write_plain
from tests.site import ROOT

POSTS = {
    "bad.md": "---\ntitle: Bad\ndate: never\n---\n",
    "draft.md": "---\ntitle: Draft\ndraft: true\n---\nText.\n",
    "later.md": "---\ntitle: Later\ndate: 3026-01-01 08:30\n---\nText.\n",
    "text.md": (
        "---\ntitle: Text\ntaggs: [a]\n---\n"
        "[1](/blog/none) and ![2](none.png), $\\nix$.\n\n"
        "[3](/blog/draft) ![4](/static/none.png) ![5](sky.png) [6](/blog/text#nowhere)\n\n"
        "A formula $\\foo$.\n"
    ),
}
EXPECTED = """\
bad.md:3: date: found "never", expected a date such as 2026-11-24 or 2026-11-24T10:00:00Z, write \
it in that form or remove the line to take the date from the file's name
text.md:5: the image none.png: there is no such file beside the post, expected an address of this \
blog, correct the address or remove it
text.md:5: the link /blog/none: there is no such page, expected an address of this blog, correct \
the address or remove it
text.md:7: the image /static/none.png: there is no such file, expected an address of this blog, \
correct the address or remove it
text.md:7: the link /blog/draft: that post is hidden, expected an address of this blog, correct \
the address or remove it
text.md:7: the link /blog/text#nowhere: there is no such place in text.md, expected an address of \
this blog, correct the address or remove it
text.md:3: hint: taggs is no field of this blog, expected a field it knows, do you mean tags?
text.md:5: hint: the formula “\\nix”: Unknown command "\\nix", expected a formula in \
TeX, correct it, or write \\$ for a dollar sign
text.md:7: hint: the image sky.png: it cannot be read as a picture, expected a whole JPEG, PNG, \
WebP, GIF or AVIF, save it again
text.md:9: hint: the formula “\\foo”: Unknown command "\\foo", expected a formula in \
TeX, correct it, or write \\$ for a dollar sign
draft.md: a draft
later.md: scheduled for 3026-01-01 08:30 UTC
"""


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command over a folder of posts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BLOG_")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "flask", "--app", "app", "posts", "check"],
        cwd=ROOT,
        env={**kept, "BLOG_POSTS_DIR": str(folder), "BLOG_PAGES_DIR": str(folder / ".pages")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_that_is_wrong_with_the_posts_is_printed_and_the_rest_is_listed(tmp_path: Path):
    (tmp_path / "sky.png").write_bytes(b"picture")
    for name, content in POSTS.items():
        (tmp_path / name).write_text(content)
    done = check(tmp_path)
    assert done.stdout.replace(f"{tmp_path}/", "") == EXPECTED
    assert done.returncode == 1
    assert done.stderr.endswith("3 posts, 6 faults, 4 hints\n")
    assert "Traceback" not in done.stderr
    assert "bad.md" not in done.stderr


def test_a_folder_without_posts_is_a_hint(tmp_path: Path):
    (tmp_path / "a.rst").write_text("A")
    done = check(tmp_path)
    assert done.returncode == 0
    assert done.stdout == (
        f"{tmp_path}:1: hint: no file that ends in .md, .markdown, .mdown or .mkd, but 1 in .rst,"
        " expected some, convert them, or name them so\nno posts, no faults, 1 hint\n"
    )


def test_hints_and_hidden_posts_do_not_fail_the_check(tmp_path: Path):
    for name in ("draft.md", "later.md"):
        (tmp_path / name).write_text(POSTS[name])
    (tmp_path / "hint.md").write_text("---\ntitle: Hint\nlayout: x\n---\n$\\foo$\n")
    done = check(tmp_path)
    assert done.returncode == 0
    assert done.stdout.endswith("3 posts, no faults, 2 hints\n")


def test_a_picture_that_readers_get_as_a_whole_or_not_at_all_is_a_hint(tmp_path: Path):
    pictures = {
        "cut.jpg": write_plain(draw(), quality=90)[:60_000],
        "fine.jpg": write(draw(64, 48), "JPEG"),
        "huge.png": write_bomb(),
        "moves.gif": write_moving("GIF"),
        "place.avif": write(draw(64, 48), "AVIF"),
        "phone.jpg": b"\0\0\0\x18ftypheic",
    }
    for name, content in pictures.items():
        (tmp_path / name).write_bytes(content)
    shown = "\n\n".join(f"![A]({name})" for name in pictures)
    (tmp_path / "a.md").write_text(f"---\ntitle: A\nimage: moves.gif\n---\n{shown}\n")
    done = check(tmp_path)
    size = len(pictures["moves.gif"]) / 1000
    moves = (
        f"it moves, and readers get all of its {size:.0f} kB, expected a picture that does not,"
        " or a film, keep it short, or make a film of it (mp4, webm)"
    )
    whole = "it cannot be read as a picture, expected a whole JPEG, PNG, WebP, GIF or AVIF"
    assert done.stdout.replace(f"{tmp_path}/", "").splitlines() == [
        f"a.md:3: hint: image: found moves.gif: {moves}",
        f"a.md:5: hint: the image cut.jpg: {whole}, save it again",
        "a.md:9: hint: the image huge.png: it has 100 megapixels, expected at most 64, or a wide"
        " JPEG that is not progressive, make it smaller: readers get it as a whole",
        f"a.md:11: hint: the image moves.gif: {moves}",
        "a.md:13: hint: the image place.avif: it says where it was taken, and so does what readers"
        " get, expected an AVIF without it, save it as JPEG, PNG or WebP, from which the blog takes"
        " it out",
        f"a.md:15: hint: the image phone.jpg: {whole}, save it again",
        "1 post, no faults, 6 hints",
    ]
    assert done.returncode == 0
