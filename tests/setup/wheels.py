"""The two packages as they are built, for the tests that install them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.site import ROOT

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def build_wheels(folder: Path, root: Path = ROOT) -> list[Path]:
    """Build both wheels as `make wheel` does; return them, the library's first.

    `root` is where their code is, for a test that changes it.
    """
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    environ = os.environ | {"HATCH_NPM_VENDOR_SKIP": "1"}
    sources = [str(root / "flask_presence"), str(root)]
    subprocess.run([*PIP, "wheel", *options, *sources], check=True, env=environ)
    return [next(folder.glob(f"{name}-*.whl")) for name in ("flask_presence", "viblog")]


def install_wheels(wheels: Iterable[Path], folder: Path) -> None:
    """Install wheels into a folder, without what they need."""
    options = ["--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*PIP, "install", *options, *map(str, wheels)], check=True)
