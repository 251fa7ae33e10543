"""`viblog new` asks at a terminal, and takes options or defaults; a title may have any script."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from blog.cli import posts_cli
from blog.command import main
from blog.config import Settings
from blog.factory import create_app
from flask_presence.cli.commands import presence_cli


def test_at_a_terminal_it_asks_and_asks_again_for_what_is_no_language(tmp_path: Path):
    own, its = pty.openpty()
    os.write(own, b'Night "sky"\nwelsh language\nfr\n')
    command = [sys.executable, "-m", "blog.command", "new", "night-sky"]
    root = Path(__file__).parents[2]
    try:
        said = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(root)},
            stdin=its,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    finally:
        os.close(own)
        os.close(its)
    assert "What is the blog called? [Night sky]: " in said.stdout
    assert "found 'welsh language', expected a tag such as" in said.stdout
    assert "own words are English" not in said.stdout
    settings = Settings.from_environ({}, tmp_path / "night-sky")
    assert (settings.title, settings.language) == ('Night "sky"', "fr")


def test_without_a_terminal_it_takes_the_name_of_the_folder_and_english(tmp_path: Path):
    folder = tmp_path / "night sky"
    done = CliRunner().invoke(main, ["new", str(folder)])
    assert done.exit_code == 0, done.output
    assert f"\n  cd '{folder}'\n" in done.output
    settings = Settings.from_environ({}, folder)
    assert (settings.title, settings.language) == ("Night sky", "en")
    refused = CliRunner().invoke(main, ["new", str(tmp_path / "other"), "--language", "?"])
    assert refused.output.startswith("Error: found '?', expected a tag such as")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("language", ["de", "ar", "fi"])
def test_what_it_writes_has_no_fault_in_any_language(
    tmp_path: Path, language: str, monkeypatch: pytest.MonkeyPatch
):
    done = CliRunner().invoke(main, ["new", str(tmp_path / "it"), "--language", language])
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path / "it")
    app = create_app(Settings.from_environ({}, tmp_path / "it"))
    checked = app.test_cli_runner().invoke(args=["posts", "check"])
    assert checked.output.splitlines()[-1] == "1 post, 1 page, no faults"
    lacks_words = "The blog's own words are English: it has none in fi, but in ar, de, en, es, fr,"
    assert (lacks_words in done.output) == (language == "fi")
    assert '<a href="/counting">' in app.test_client().get("/about").text


def test_no_line_of_help_is_cut():
    for group in (main, posts_cli, presence_cli):
        said = CliRunner().invoke(group, ["--help"])
        assert "Commands:\n" in said.output
        assert "..." not in said.output.partition("Commands:")[2]


def test_a_post_may_have_a_title_of_any_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    CliRunner().invoke(main, ["new", str(tmp_path / "it"), "--language", "ru"])
    monkeypatch.chdir(tmp_path / "it")
    for title, name in (
        ("Привет мир", "привет-мир"),
        ("مرحبا بالعالم", "مرحبا-بالعالم"),
        ("你好，世界", "你好-世界"),
        ("नमस्ते दुनिया", "नमस्ते-दुनिया"),
    ):
        done = CliRunner().invoke(main, ["post", title, "--publish"])
        assert done.output == f"posts/{name}.md\n"
    client = create_app(Settings.from_environ({}, tmp_path / "it")).test_client()
    assert client.get("/blog/привет-мир").status_code == 200


def test_in_a_clone_the_command_works_on_its_own_posts():
    command = [sys.executable, "-m", "blog.command"]
    root = Path(__file__).parents[2]

    def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    listed = run("list", folder=root)
    assert listed.returncode == 0, listed.stderr
    assert "how-the-counter-works" in listed.stdout
    refused = run("list", folder=root / "posts")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: found no viblog.toml in this folder;")
    assert run("eject", "post.html", folder=root).stderr == (
        "Error: templates/post.html is there already\n"
    )
