"""A store, or an instance folder, that another user keeps for itself: one line says whose it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import reserve_port
from tests.site import ROOT

NOBODY = 65_534
# root as any other user: what belongs to somebody else is closed to it.
AS_ANY_USER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
PROGRAM = """
import sys
from pathlib import Path
from blog.store.database import Database, StoreUnavailable
from blog.store.starting import prepare_store

folder = Path(sys.argv[1])
for ask in (Database("", folder).write, Database("", folder).read):
    try:
        ask(lambda connection: None)
    except StoreUnavailable as error:
        print(error)
print(prepare_store("", folder).said)
"""


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    as_user = AS_ANY_USER if os.geteuid() == 0 else []
    return subprocess.run(
        [*as_user, sys.executable, *command],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return a folder of another user, who alone may look into it."""
    if os.geteuid() != 0:
        return Path("/root")
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    return folder


def test_a_store_in_a_folder_of_another_user_is_told_in_a_line(foreign: Path) -> None:
    ended = run("-c", PROGRAM, str(foreign))
    assert ended.returncode == 0, ended.stderr
    ours, owner = os.geteuid(), foreign.stat().st_uid
    said = (
        f"{foreign}/store.db: {foreign} is of user {owner}, and the blog runs as user {ours}, who"
        " may not read and write it; give it to that user, or run the blog as its owner"
    )
    assert ended.stdout.splitlines() == [said] * 3


def test_a_blog_with_an_instance_folder_of_another_user_does_not_start_and_says_why(
    foreign: Path,
) -> None:
    where = {"PORT": str(reserve_port()), "BLOG_INSTANCE_DIR": str(foreign)}
    ended = run("-m", "gunicorn", "app:app", **where)
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert f"BLOG_INSTANCE_DIR: [Errno 13] Permission denied: '{foreign}/" in ended.stderr
