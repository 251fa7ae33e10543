"""Where the workers of one gunicorn keep their counts: a folder of the master's own.

Each worker counts in files of its own, mapped into memory: what was counted is there, exactly, even
if the worker is killed. The form of the files is prometheus-client's (its "multiprocess mode").
Run by gunicorn's master, so without prometheus-client, which would load what gevent has to patch.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# A worker has one file for each of these kinds of metric.
KINDS = ("counter", "gauge_livemin", "gauge_livesum", "histogram")
# The largest has 24 KB in it, all its labels included.
FILE_BYTES = 32 * 1024


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


def reserve_files(folder: Path, pid: int) -> None:
    """Make a worker's files, without holes; those that are there, of a dead one, stay as they are.

    prometheus-client would make each as one hole, and where the disk has no room to fill it the
    kernel ends the worker (SIGBUS). Raises `OSError` for no room; then nothing is left of them.
    """
    made: list[Path] = []
    try:
        for kind in KINDS:
            path = folder / f"{kind}_{pid}.db"
            if path.exists():
                continue
            # Whole from the first moment: whoever asks for the metrics meanwhile reads each `.db`.
            begun = path.with_suffix(".begun")
            made += [begun, path]
            begun.write_bytes(bytes(FILE_BYTES))
            begun.rename(path)
    except OSError:
        for path in made:
            path.unlink(missing_ok=True)
        raise


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
