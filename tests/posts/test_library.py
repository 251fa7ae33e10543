"""What a library makes of a folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import blog.posts.library
from blog.posts import Library, Post, RenderedPost
from blog.posts.markup.markdown import Style

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "nodejs-blog"
OWN_CORPUS = Path(__file__).parent / "corpus"


def put(path: Path, title: str = "T", body: str = "Text.", **fields: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    front = "".join(f"{name}: {value}\n" for name, value in {"title": title, **fields}.items())
    path.write_text(f"---\n{front}---\n{body}\n")
    return path


def load(folder: Path) -> Library:
    library = Library(folder)
    library.load()
    return library


def serve(folder: Path) -> Library:
    """Load as a server does, which tells what is wrong."""
    library = load(folder)
    library.start()
    library.close()
    return library


def test_the_newest_post_is_first_and_undated_ones_are_last(tmp_path: Path):
    put(tmp_path / "b.md", date="2026-11-01")
    put(tmp_path / "a.md", date="2026-11-01")
    put(tmp_path / "deep" / "er" / "new.md", date="2026-11-02")
    put(tmp_path / "undated.md")
    assert [post.id for post in load(tmp_path).index.posts] == ["new", "a", "b", "undated"]


def test_a_draft_is_in_no_list(tmp_path: Path):
    put(tmp_path / "soon.md", draft="true")
    index = load(tmp_path).index
    assert (index.posts, dict(index.by_id)) == ((), {})
    assert [post.id for post in index.drafts] == ["soon"]


def test_of_two_posts_with_one_id_the_second_is_left_out(tmp_path: Path):
    first = put(tmp_path / "a.md", slug="same")
    second = put(tmp_path / "b.md", slug="same")
    index = load(tmp_path).index
    assert index.by_id["same"].path == first
    (fault,) = index.faults
    assert (fault.path, fault.line) == (second, 3)
    assert str(first) in str(fault)


def test_a_broken_post_is_logged_once_and_the_rest_is_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    put(tmp_path / "good.md")
    broken = put(tmp_path / "broken.md", date="never")
    load(tmp_path)
    assert not caplog.messages  # a command
    library = serve(tmp_path)
    put(tmp_path / "another.md")
    library.load()
    assert sorted(library.index.by_id) == ["another", "good"]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"{broken}:3: ")


def test_a_file_that_changed_is_read_again_and_no_other(tmp_path: Path):
    put(tmp_path / "same.md")
    put(tmp_path / "other.md", title="Before")
    library = load(tmp_path)
    kept = library.index.by_id["same"]
    put(tmp_path / "other.md", title="Afterwards")
    counts: list[int] = []
    library.load(on_read=counts.append)
    assert counts == [1]
    assert library.index.by_id["other"].title == "Afterwards"
    assert library.index.by_id["same"] is kept


def test_the_version_changes_with_the_content_and_not_with_a_touch(tmp_path: Path):
    path = put(tmp_path / "a.md")
    library = load(tmp_path)
    first = library.index.version
    os.utime(path, (1, 1))
    library.load()
    touched = library.index.version
    put(path, body="Other.")
    library.load()
    assert first == touched == load_version_of_a_fresh_copy(tmp_path, "Text.")
    assert library.index.version != first


def load_version_of_a_fresh_copy(folder: Path, body: str) -> str:
    """Load the same path with the same content in another library, as another worker would."""
    path = folder / "a.md"
    now = path.read_bytes()
    put(path, body=body)
    version = load(folder).index.version
    path.write_bytes(now)
    return version


def test_hidden_files_and_backups_are_no_posts(tmp_path: Path):
    for name in (".foo.md.swp", "foo.md~", ".#foo.md", "#foo.md#", ".git/a.md", "notes.txt"):
        put(tmp_path / name)
    index = load(tmp_path).index
    assert (index.posts, index.faults) == ((), ())


def test_every_ending_of_markdown_is_a_post_s(tmp_path: Path):
    for name in ("a.md", "b.markdown", "c.mdown", "d.mkd", "e.MD", "f/index.markdown"):
        put(tmp_path / name)
    assert sorted(load(tmp_path).index.by_id) == ["a", "b", "c", "d", "e", "f"]


def test_a_folder_without_posts_says_what_it_looked_for_and_what_it_saw(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    for name in ("a.rst", "deep/b.rst", "notes.txt", "Makefile", "sky.png", ".hidden.org"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Text.")
    serve(tmp_path)
    assert caplog.messages == [
        f"posts: {tmp_path} has no file that ends in .md, .markdown, .mdown or .mkd, but 2 in"
        " .rst, 1 in .png, 1 in .txt, 1 without an ending"
    ]
    caplog.clear()
    put(tmp_path / "a.md")
    serve(tmp_path)
    assert caplog.messages == []


def test_a_folder_may_be_called_like_a_post(tmp_path: Path):
    put(tmp_path / "index.md" / "index.md")
    assert len(load(tmp_path).index.posts) == 1


def test_a_link_out_of_the_folder_is_a_fault_and_one_inside_is_a_post(tmp_path: Path):
    folder = tmp_path / "posts"
    put(tmp_path / "outside" / "secret.md")
    put(folder / ".hidden" / "real.md")
    (folder / "file.md").symlink_to(tmp_path / "outside" / "secret.md")
    (folder / "folder").symlink_to(tmp_path / "outside")
    (folder / "inside.md").symlink_to(folder / ".hidden" / "real.md")
    (folder / "loop").symlink_to(folder)
    index = load(folder).index
    assert [post.id for post in index.posts] == ["inside"]
    assert [fault.path for fault in index.faults] == [folder / "file.md", folder / "folder"]


def test_what_cannot_be_read_is_a_fault(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "dangling.md").symlink_to(tmp_path / "nothing")
    faults = load(tmp_path).index.faults
    assert [fault.path.name for fault in faults] == ["dangling.md", "pipe.md"]


def test_a_missing_folder_is_one_log_line_and_picked_up_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = tmp_path / "posts"
    library = serve(folder)
    library.load()
    assert len(caplog.messages) == 1
    put(folder / "a.md")
    library.load()
    assert list(library.index.by_id) == ["a"]
    assert library.index.faults == ()


def test_a_post_is_rendered_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rendered: list[str] = []

    def count(post: Post, style: Style) -> RenderedPost:
        rendered.append(post.body)
        return RenderedPost(post.body)

    monkeypatch.setattr(blog.posts.library, "render_safely", count)
    put(tmp_path / "a.md", body="One.")
    library = load(tmp_path)
    assert library.render(library.index.by_id["a"]) is library.render(library.index.by_id["a"])
    put(tmp_path / "a.md", body="Two, longer.")
    library.load()
    assert library.render(library.index.by_id["a"]).html.strip() == "Two, longer."
    assert [body.strip() for body in rendered] == ["One.", "Two, longer."]


@pytest.mark.full
def test_every_post_of_the_corpus_renders():
    """The 379 real ones where they lie beside the checkout, else our own few: never none."""
    folder, count = (CORPUS, 379) if CORPUS.is_dir() else (OWN_CORPUS, 3)
    library = load(folder)
    posts = library.index.posts
    assert library.index.faults == ()
    assert len(posts) == count
    for post in posts:
        assert library.render(post).html or not post.body.strip()


def test_a_file_beside_a_post_is_found_and_nothing_else_is(tmp_path: Path):
    folder = tmp_path / "posts"
    post_path = put(folder / "hello" / "index.md")
    for name in ("hello/sky.jpg", "hello/deep/Moon.PNG", "up.webp", "hello/.hidden.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"picture")
    (folder / "hello" / "secret.txt").write_text("key")
    (tmp_path / "outside.png").write_bytes(b"other")
    (folder / "hello" / "link.png").symlink_to(tmp_path / "outside.png")
    index = load(folder).index
    post = index.by_id["hello"]
    assert post.path == post_path
    names = ["sky.jpg", "deep/Moon.PNG", "../up.webp", ".hidden.png", "secret.txt", "link.png"]
    names += ["index.md", "../../outside.png", f"{folder}/up.webp", "", "..", "\0"]
    found = [name for name in names if index.find_media(post, name)]
    assert found == ["sky.jpg", "deep/Moon.PNG", "../up.webp", f"{folder}/up.webp"]
    assert index.find_media(post, "deep/Moon.PNG") == folder / "hello" / "deep" / "Moon.PNG"


def test_a_file_is_found_by_its_name_in_either_form_of_unicode(tmp_path: Path):
    put(tmp_path / "e\u0301" / "index.md")
    for name in ("u\u0308.png", "ø.png"):
        (tmp_path / "e\u0301" / name).write_bytes(b"picture")
    index = load(tmp_path).index
    post = index.by_id["é"]
    folder = tmp_path / "e\u0301"
    assert index.find_media(post, "ü.png") == folder / "u\u0308.png"
    assert index.find_media(post, "u\u0308.png") == folder / "u\u0308.png"
    assert index.find_media(post, "../é/ø.png") == folder / "ø.png"


def test_a_picture_that_changes_makes_another_version_and_its_posts_are_rendered_again(
    tmp_path: Path,
):
    put(tmp_path / "a.md")
    library = load(tmp_path)
    before, version = library.render(library.index.by_id["a"]), library.index.version
    (tmp_path / "sky.jpg").write_bytes(b"picture")
    library.load()
    assert library.index.version != version
    assert library.render(library.index.by_id["a"]) is not before


NOT_NOW = [
    *(errno.EMFILE, errno.ENFILE, errno.EIO, errno.ESTALE, errno.EACCES, errno.EPERM),
    *(errno.ENOMEM, errno.ELOOP, errno.ETIMEDOUT),
]


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    """Return a library of a post in the folder, and one with a picture in a folder below."""
    put(tmp_path / "a.md", "A")
    put(tmp_path / "below" / "index.md", "Below")
    (tmp_path / "below" / "sky.jpg").write_bytes(b"picture")
    return load(tmp_path)


def fail_to(
    monkeypatch: pytest.MonkeyPatch, name: str, place: Path, number: int
) -> Callable[..., Any]:
    """Have a function of `os` or `Path` fail for one place, as the system does now and then."""
    owner = Path if name == "read_bytes" else os
    real: Callable[..., Any] = getattr(owner, name)

    def fail(path: Any, *arguments: Any) -> Any:
        if Path(path) == place:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments)

    monkeypatch.setattr(owner, name, fail)
    return real


@pytest.mark.parametrize("number", NOT_NOW)
@pytest.mark.parametrize("below", ["", "below"])
def test_a_folder_that_cannot_be_listed_now_keeps_its_posts(
    shelf: Library, monkeypatch: pytest.MonkeyPatch, number: int, below: str
):
    place = shelf.folder / below
    real = fail_to(monkeypatch, "scandir", place, number)
    put(shelf.folder / "a.md", "Another A")
    shelf.load()
    assert sorted(shelf.index.by_id) == ["a", "below"]
    assert shelf.index.find_media(shelf.index.by_id["below"], "sky.jpg")
    (fault,) = shelf.index.faults
    assert (fault.path, os.strerror(number) in fault.found) == (place, True)
    monkeypatch.setattr(os, "scandir", real)
    shelf.load()
    assert (shelf.index.by_id["a"].title, shelf.index.faults) == ("Another A", ())


@pytest.mark.parametrize("number", NOT_NOW)
def test_a_post_that_cannot_be_read_now_stays_and_is_read_again(
    shelf: Library, monkeypatch: pytest.MonkeyPatch, number: int
):
    place = put(shelf.folder / "a.md", "Another A")
    real = fail_to(monkeypatch, "read_bytes", place, number)
    shelf.load()
    assert shelf.index.by_id["a"].title == "A"
    assert [fault.path for fault in shelf.index.faults] == [place]
    monkeypatch.setattr(Path, "read_bytes", real)
    shelf.load()
    assert (shelf.index.by_id["a"].title, shelf.index.faults) == ("Another A", ())


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR])
def test_what_is_gone_is_gone(shelf: Library, monkeypatch: pytest.MonkeyPatch, number: int):
    fail_to(monkeypatch, "scandir", shelf.folder, number)
    shelf.load()
    assert not shelf.index.by_id
