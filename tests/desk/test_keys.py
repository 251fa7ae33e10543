"""The key of the desk: made once, for the blog alone, or not at all."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from blog.config import Settings
from blog.desk.keys import DeskClosedError, find_key, has_one_host


@pytest.fixture
def settings(tmp_path):
    return Settings(instance_dir=tmp_path / "instance")


def problem_of(settings: Settings) -> str:
    with pytest.raises(DeskClosedError) as raised:
        find_key(settings)
    return str(raised.value)


def test_all_who_make_one_at_once_have_the_same_and_nobody_else_may_read_it(settings):
    together = Barrier(16)

    def find(number: int) -> str:
        together.wait()
        return find_key(settings)

    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(find, range(16)))
    assert len(keys) == 1
    assert find_key(settings) in keys
    (file,) = settings.instance_dir.iterdir()
    assert file.name == "desk.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_another_instance_has_another_key_and_a_setting_comes_first(settings, tmp_path):
    assert find_key(settings) != find_key(Settings(instance_dir=tmp_path / "other"))
    chosen = Settings(instance_dir=tmp_path / "third", secret_key="k" * 32)
    assert find_key(chosen) == "k" * 32
    assert not chosen.instance_dir.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_none(settings, mode):
    find_key(settings)
    path = settings.instance_dir / "desk.key"
    path.chmod(mode)
    assert problem_of(settings) == (
        f"{path}: found mode {mode:04o}, by which others may read the key, expected 0600; remove"
        " the file, since somebody may have read it"
    )


def test_a_file_that_cannot_be_used_is_one_line(settings):
    path = settings.instance_dir / "desk.key"
    path.mkdir(parents=True)
    assert problem_of(settings) == (
        f"{path}: Is a directory; expected a file that the blog can read and write; or set"
        " BLOG_SECRET_KEY"
    )
    path.rmdir()
    settings.instance_dir.rmdir()
    settings.instance_dir.write_text("no folder")
    assert problem_of(settings).startswith(f"{path}: Not a directory; ")


@pytest.mark.parametrize(("text", "found"), [("", "0 characters"), ("abc\n", "3 characters")])
def test_a_key_that_anybody_could_guess_is_none(settings, text, found):
    settings.instance_dir.mkdir()
    path = settings.instance_dir / "desk.key"
    path.touch(0o600)
    path.write_text(text)
    assert f"found {found}, expected a key of 32 or more; remove the file" in problem_of(settings)


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("", True),
        ("unix:///run/valkey.sock", True),
        ("redis://127.0.0.1:6379/0", True),
        ("redis://localhost", True),
        ("redis://cache.example/0", False),
        ("rediss://user:secret@10.0.0.7:6380", False),
        ("redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/main", False),
    ],
)
def test_hosts_that_may_be_several_need_the_setting(tmp_path, url, is_one):
    settings = Settings(instance_dir=tmp_path, redis_url=url)
    assert has_one_host(settings) is is_one
    if not is_one:
        assert problem_of(settings).startswith("found no BLOG_SECRET_KEY, expected one, ")
        assert list(tmp_path.iterdir()) == []
