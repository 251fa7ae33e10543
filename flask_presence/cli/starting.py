"""`flask presence init`: what an application begins with. Nothing that is there is overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

STARTER = resources.files(__package__) / "starter"
TEMPLATE, CONFIGURATION = "presence.html", "gunicorn.conf.py"


def write_starter(templates: Path, folder: Path) -> Iterator[str]:
    """Write the template and the configuration; yield what to say of them, and what to add."""
    for target, source in (
        (templates / TEMPLATE, TEMPLATE),
        (folder / CONFIGURATION, "gunicorn.conf.txt"),
    ):
        name = target.relative_to(folder) if target.is_relative_to(folder) else target
        if target.exists():
            yield f"is there already, and stays as it is: {name}"
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((STARTER / source).read_text("utf-8"), "utf-8")
        yield f"written: {name}"
    yield ""
    yield (STARTER / "next.txt").read_text("utf-8").rstrip()
