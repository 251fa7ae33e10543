"""Where the workers of one gunicorn keep their counts: a folder of the master's own.

Each worker counts in files of its own, mapped into memory: what was counted is there, exactly, even
if the worker is killed. The form of the files is prometheus-client's (its "multiprocess mode").
Run by gunicorn's master, so without prometheus-client, which would load what gevent has to patch.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def open_folder(instance_dir: Path) -> Path:
    """Make this master's folder, empty, and remove those of masters that are gone.

    Several masters may share an instance folder: gunicorn's own upgrade starts a second one.
    """
    folder = (instance_dir / "metrics").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / str(os.getpid())
    for other in folder.iterdir():
        if other == own or not _is_alive(other.name):
            shutil.rmtree(other, ignore_errors=True)
    own.mkdir()
    return own


def forget_worker(folder: Path, pid: int) -> None:
    """Remove what was true only while a worker lived; what it has counted stays."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def close_folder(folder: Path) -> None:
    """Remove a master's folder."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True
