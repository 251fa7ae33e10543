"""Imports point down only, features never import each other, and the presence stands alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FEATURES = {"cli", "live", "pages", "ops"}
STANDARD = set(sys.stdlib_module_names)

# What each part of `blog` may import of the others. Nothing that is not listed here may exist.
ALLOWED: dict[str, set[str]] = {
    "factory": FEATURES | {"viblog", "streams", "config"},
    "viblog": FEATURES | {"streams", "search", "cards", "posts", "presence", "config"},
    "cli": {"importing", "streams", "posts", "presence", "config"},
    "live": {"short_cache", "streams", "posts", "presence", "config"},
    "pages": {
        "native_work",
        "short_cache",
        "streams",
        "search",
        "cards",
        "posts",
        "presence",
        "config",
    },
    "ops": {"streams", "posts", "presence", "config"},
    "streams": {"presence", "config"},
    "search": {"native_work", "posts", "config"},
    "cards": {"native_work"},
    "importing": {"posts", "config"},
    "posts": {"presence", "config"},
    "presence": set(),
    "config": {"redis_url"},
    "redis_url": set(),
    "native_work": set(),
    "short_cache": set(),
    # Run by gunicorn's master, beside the application: the embedded server, and the goodbye of a
    # worker that died.
    "embedded": {"redis_url"},
    "goodbye": {"presence", "config"},
}


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute name) of every import in a file, wherever it stands in it."""
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
            for alias in node.names:
                # `from blog import pages` names a part, too.
                yield node.lineno, f"{base}.{alias.name}"


def part_of(name: str) -> str | None:
    """Return the part of `blog` that an absolute name is in, None where it is elsewhere."""
    top, _, rest = name.partition(".")
    return rest.partition(".")[0] if top == "blog" else None


def files_of(part: str) -> list[Path]:
    """Return the Python files of one part: a package or a module."""
    folder = ROOT / "blog" / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def parts() -> set[str]:
    """Return every part of `blog` that there is."""
    return {
        path.stem
        for path in (ROOT / "blog").iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    } - {"__init__"}


def assert_imports_only(part: str, allowed_tops: set[str]) -> None:
    """Assert that nothing but these packages, the standard library and itself is imported."""
    for path in files_of(part):
        for line, name in imports_of(path):
            top = name.partition(".")[0]
            is_own = part_of(name) == part
            assert is_own or top in allowed_tops | STANDARD, f"{path}:{line} imports {name}"


def test_every_part_has_its_place():
    assert parts() <= set(ALLOWED)


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_a_part_imports_only_what_is_below_it(part):
    for path in files_of(part):
        for line, name in imports_of(path):
            imported = part_of(name)
            assert imported in {None, part} | ALLOWED[part], f"{path}:{line} imports {name}"


def test_the_order_has_no_circle():
    """Each part is above all that it may import: so `ALLOWED` itself can be believed."""
    order = ["factory", "viblog", "cli", "live", "pages", "ops", "goodbye", "streams", "search"]
    order += ["importing"]
    order += ["cards", "posts", "presence", "config", "embedded", "redis_url", "native_work"]
    order += ["short_cache"]
    assert set(order) == set(ALLOWED)
    for part, allowed in ALLOWED.items():
        assert all(order.index(part) < order.index(below) for below in allowed), part


def test_nothing_in_the_package_imports_what_gunicorns_master_runs():
    for part in parts() - {"embedded", "goodbye"}:
        for path in files_of(part):
            for line, name in imports_of(path):
                assert part_of(name) not in {"embedded", "goodbye"}, f"{path}:{line}"


def test_the_application_imports_the_factory_only():
    imported = {part_of(name) for _, name in imports_of(ROOT / "app.py")}
    assert imported - {None} == {"factory"}


def test_the_presence_needs_gevent_and_redis_only():
    assert_imports_only("presence", {"gevent", "redis"})


def test_the_settings_need_the_standard_library_only():
    for part in ("config", "redis_url"):
        assert_imports_only(part, {"blog"})


def test_the_package_itself_imports_nothing():
    assert list(imports_of(ROOT / "blog" / "__init__.py")) == []


def test_a_worker_does_not_load_the_importer():
    program = "import sys, app; print(*[name for name in sys.modules if 'importing' in name])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert loaded == []


def test_importing_the_presence_does_not_load_flask():
    program = (
        "import sys, blog.presence; "
        "print(*sorted({name.split('.')[0] for name in sys.modules}), sep='\\n')"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "blog" in loaded
    assert not {"flask", "werkzeug", "jinja2", "markdown", "gunicorn"} & set(loaded)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import blog.pages", ["blog.pages"]),
        ("from blog import pages", ["blog.pages"]),
        ("from blog.pages import x", ["blog.pages.x"]),
        ("from . import slot", ["blog.presence.slot"]),
        ("from .. import pages", ["blog.pages"]),
        ("from ..pages import x", ["blog.pages.x"]),
        ("def f():\n    import flask", ["flask"]),
    ],
)
def test_every_form_of_import_is_found(tmp_path, monkeypatch, line, names):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "blog" / "presence" / "written.py"
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert [name for _, name in imports_of(path)] == names
