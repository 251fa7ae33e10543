"""`flask desk`: a link, a password that nobody sees, and what is said where there is no desk."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from werkzeug.security import check_password_hash

from blog.cli.settings_check import examine_settings
from blog.config import Settings
from blog.factory import create_app
from tests.site import ROOT

PASSWORD = "correct horse battery"


def run(folder: Path, *command: str, said: str = "", **settings: str) -> Result:
    paths = {name: folder / name for name in ("posts_dir", "pages_dir", "instance_dir")}
    app = create_app(Settings(**{**paths, **settings}))  # type: ignore[arg-type]
    result = app.test_cli_runner().invoke(args=["desk", *command], input=said)
    app.extensions["viblog"].database.close()
    return result


def test_a_link_has_the_address_of_the_blog(tmp_path):
    here = run(tmp_path, "link")
    assert here.stdout.startswith("http://localhost:8000/desk/link/")
    assert here.stderr == (
        "Is the blog elsewhere? Put its address in place of http://localhost:8000\n"
    )
    there = run(tmp_path, "link", site_url="https://blog.example/notes/")
    assert there.stdout.startswith("https://blog.example/notes/desk/link/")
    assert there.stderr == ""


def test_a_password_of_a_pipe_is_printed_as_a_line_that_the_settings_take(tmp_path):
    said = run(tmp_path, "password", said=f"{PASSWORD}\n")
    assert PASSWORD not in said.output
    (tmp_path / "viblog.toml").touch()
    (tmp_path / ".env").write_text(said.stdout)
    settings = Settings.from_environ({}, tmp_path)
    assert check_password_hash(settings.desk_password_hash, PASSWORD)
    assert settings.desk_password_hash not in repr(settings)


def test_a_password_that_anybody_may_guess_is_refused(tmp_path):
    said = run(tmp_path, "password", said="hunter2\n")
    assert said.exit_code == 1
    assert said.output == (
        "Error: found 7 characters, expected 12 to 1000: anybody may guess fewer\n"
    )


@pytest.mark.full
def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(tmp_path):
    ours, theirs = pty.openpty()
    environ = {**os.environ, "BLOG_INSTANCE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "flask", "desk", "password"]
    asking = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = ""
    for question in ("Password: ", "Repeat for confirmation: "):
        while question not in seen:
            seen += os.read(ours, 1000).decode()
        os.write(ours, f"{PASSWORD}\n".encode())
    printed, _ = asking.communicate(timeout=30)
    assert printed.startswith(b"BLOG_DESK_PASSWORD_HASH='scrypt:")
    seen += os.read(ours, 1000).decode()
    os.close(ours)
    assert PASSWORD not in seen + printed.decode()


def test_where_there_is_no_desk_one_line_says_why(tmp_path):
    (tmp_path / "file").touch()
    unusable = {"database_url": f"sqlite:///{tmp_path}/file/store.db"}
    for said, problem in (
        (run(tmp_path, "link", redis_url="redis://cache.example"), "found no BLOG_SECRET_KEY, "),
        (run(tmp_path, "link", **unusable), f"{tmp_path}/file/store.db: "),
        (run(tmp_path, "close", **unusable), f"{tmp_path}/file/store.db: "),
    ):
        assert said.exit_code == 1
        assert said.output.startswith(f"Error: {problem}")
        assert said.output.count("\n") == 1


def test_the_doctor_says_what_the_desk_needs(tmp_path):
    def tell(**settings: str) -> list[str]:
        chosen = Settings(instance_dir=tmp_path, **settings)  # type: ignore[arg-type]
        return [str(one) for one in examine_settings(chosen) if one.what == "desk"]

    assert tell() == []
    assert tell(redis_url="redis://cache.example", secret_key="k" * 32) == []
    (line,) = tell(redis_url="redis://cache.example")
    assert line.startswith("warn  desk: BLOG_SECRET_KEY is empty, and BLOG_REDIS_URL is of another")
    (tmp_path / "desk.key").write_text("k" * 64)
    (tmp_path / "desk.key").chmod(0o644)
    (line,) = tell()
    assert line.startswith(f"fail  desk: {tmp_path}/desk.key: found mode 0644, by which others")
