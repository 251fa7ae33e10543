"""The blog runs, and its unit tests pass, on every Python from the oldest to the newest.

Looked for are those of the system, pyenv's and uv's, but for the one that runs this and with it all
other tests. The summary of the run says which are not on this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import reserve_port

ROOT = Path(__file__).resolve().parents[2]
MINORS = range(11, 16)
FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    f"{os.environ.get('PYENV_ROOT', Path.home() / '.pyenv')}/versions/3.{{minor}}*/bin",
    f"{os.environ.get('UV_PYTHON_INSTALL_DIR', Path.home() / '.local/share/uv/python')}/*/bin",
)
START_SECONDS = 60

# Alone: the unit tests of each take all cores.
pytestmark = [pytest.mark.full, pytest.mark.system, pytest.mark.alone]


def find_pythons(minor: int) -> list[Path]:
    """Return the other interpreters of Python 3.minor, each once, that can make an environment."""
    found = {f"{sys.version}\n": Path(sys.executable)}
    for folder in FOLDERS:
        pattern = f"{folder.format(minor=minor)}/python3.{minor}".lstrip("/")
        for path in sorted(Path("/").glob(pattern)):
            check = [str(path), "-c", "import ensurepip, sys; print(sys.version)"]
            done = subprocess.run(check, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found.setdefault(done.stdout, path)
    return list(found.values())[1:]


def is_answering(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/blog", timeout=5) as page:
            return bool(re.search(r"(just you|readers?) online", page.read().decode()))
    except OSError:
        return False


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """Copy the project as it is now, what is not committed included, and nothing that make made."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    project = tmp_path / "viblog"
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():  # not what is deleted and still listed
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project / name)
    yield project
    shutil.rmtree(project)  # an environment of 400 MB


@pytest.mark.parametrize("minor", MINORS)
def test_make_run_serves_and_make_test_unit_passes(minor: int, project: Path) -> None:
    pythons = find_pythons(minor)
    if not pythons:
        pytest.skip(f"NOT RUN: there is no other Python 3.{minor} on this machine")
    for python in pythons:
        shutil.rmtree(project / ".venv", ignore_errors=True)
        check_python(python, project)


def check_python(python: Path, project: Path) -> None:
    """Do what the README says, with one Python."""
    port = reserve_port()
    environ = {**os.environ, "PORT": str(port), "PYTHONWARNINGS": "error::DeprecationWarning:blog"}
    make = ["make", f"PYTHON={python}"]
    subprocess.run([*make, "install"], cwd=project, check=True)
    with subprocess.Popen([*make, "run"], cwd=project, env=environ, start_new_session=True) as blog:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not is_answering(port):
                assert blog.poll() is None, f"make run ended with {blog.returncode}"
                assert time.monotonic() < deadline, "the blog does not answer"
                time.sleep(0.1)
        finally:
            os.killpg(blog.pid, signal.SIGINT)  # as Ctrl+C does
            blog.wait(20)
    done = subprocess.run(
        [*make, "test-unit"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout[-3_000:], file=sys.stderr)
    assert done.returncode == 0, python
