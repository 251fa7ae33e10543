"""Imports point down only, features never import each other, and the library knows no blog."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STANDARD = set(sys.stdlib_module_names)
BLOG, LIBRARY = "blog", "flask_presence"
FEATURES = {"blog.cli", "blog.live", "blog.pages", "blog.ops"}

# The other parts that each part may import, from top to bottom: a part is listed above all that it
# may import, so there is no cycle. A part that is not listed here may not exist.
ALLOWED: dict[str, set[str]] = {
    "blog.command": {
        "blog.setting_kinds",
        "blog.new_site",
        "blog.factory",
        "blog.cli",
        "blog.config",
        "blog.site_folder",
        "blog.words",
        LIBRARY,
    },
    "blog.factory": FEATURES
    | {*("blog.desk", "blog.viblog", "blog.config", "blog.site_folder"), LIBRARY},
    "blog.viblog": FEATURES
    | {
        *("blog.desk", "blog.dev", "blog.history", "blog.presence_settings", "blog.store"),
        *("blog.search", "blog.cards", "blog.pictures", "blog.posts", "blog.config"),
        *("blog.site_folder", "blog.store", "blog.words", LIBRARY),
    },
    "blog.dev": {"blog.live", "blog.pages", "blog.posts", "blog.config", "blog.site_folder"},
    "blog.new_site": {"blog.words"},
    "blog.cli": {
        *("blog.desk", "blog.history", "blog.store"),
        *("blog.live", "blog.ops", "blog.importing", "blog.pictures", "blog.posts"),
        *("blog.config", "blog.site_folder", "blog.words", LIBRARY),
    },
    "blog.desk": {
        *("blog.live", "blog.pages", "blog.ops", "blog.history", "blog.store", "blog.posts"),
        *("blog.setting_kinds", "blog.curves", "blog.native", "blog.config", LIBRARY),
        "blog.cookies",
    },
    "blog.history": {"blog.posts", "blog.store", LIBRARY},
    "blog.presence_settings": {"blog.config", LIBRARY},
    "blog.live": {"blog.curves", "blog.placeholders", "blog.posts", "blog.words", LIBRARY},
    "blog.pages": {
        "blog.cookies",
        "blog.palettes",
        "blog.placeholders",
        "blog.native",
        "blog.short_cache",
        "blog.search",
        "blog.cards",
        "blog.pictures",
        "blog.posts",
        "blog.config",
        "blog.site_folder",
        "blog.words",
        LIBRARY,
    },
    "blog.ops": {"blog.setting_kinds", "blog.config", LIBRARY},
    "blog.search": {"blog.native", "blog.posts"},
    "blog.cards": {"blog.native"},
    "blog.pictures": {"blog.native", "blog.posts"},
    "blog.importing": {"blog.setting_kinds", "blog.posts", "blog.config"},
    "blog.posts": {"blog.setting_kinds", "blog.native", "blog.config", "blog.words"},
    "blog.config": {
        "blog.palettes",
        "blog.server_settings",
        "blog.setting_kinds",
        "blog.setting_sources",
        "blog.site_folder",
        "blog.words",
        LIBRARY,
    },
    "blog.server_settings": {"blog.setting_kinds", LIBRARY},
    "blog.setting_sources": {"blog.site_folder"},
    "blog.setting_kinds": {"blog.store", "blog.words", LIBRARY},
    "blog.store": {"blog.native"},
    "blog.words": {"blog.site_folder"},
    "blog.site_folder": set(),
    "blog.curves": set(),
    "blog.palettes": set(),
    "blog.native": set(),
    "blog.placeholders": set(),
    "blog.short_cache": set(),
    "blog.cookies": set(),
    "flask_presence.cli": {
        "flask_presence.static_site",
        "flask_presence.web",
        "flask_presence.tracking",
        "flask_presence.place",
        "flask_presence.file_limits",
    },
    "flask_presence.static_site": {"flask_presence.server", "flask_presence.web"},
    "flask_presence.server": {
        "flask_presence.web",
        "flask_presence.settings",
        "flask_presence.file_limits",
        "flask_presence.redis_address",
        "flask_presence.streams",
        "flask_presence.tracking",
    },
    "flask_presence.web": {
        "flask_presence.place",
        "flask_presence.settings",
        "flask_presence.file_limits",
        "flask_presence.streams",
        "flask_presence.tracking",
    },
    "flask_presence.settings": {
        "flask_presence.redis_address",
        "flask_presence.streams",
        "flask_presence.tracking",
    },
    "flask_presence.streams": set(),
    "flask_presence.place": {"flask_presence.redis_address"},
    "flask_presence.tracking": {"flask_presence.redis_address"},
    "flask_presence.file_limits": set(),
    "flask_presence.redis_address": set(),
}
# The files of `flask_presence.web` that are for Flask alone.
FOR_FLASK = {"app_presence.py", "blocks.py", "elements.py", "extension.py", "lists.py"}
# The packages that each part of the library imports, beside the standard library.
PACKAGES = {
    "flask_presence.cli": {"click", "flask", "redis"},
    "flask_presence.static_site": {"flask", "gevent", "jinja2", "werkzeug"},
    "flask_presence.server": {"gevent", "gunicorn", "redis"},
    "flask_presence.web": {"gevent"},
    "flask_presence.place": set(),
    "flask_presence.settings": set(),
    "flask_presence.file_limits": set(),
    "flask_presence.streams": {"gevent"},
    "flask_presence.tracking": {"gevent", "redis"},
    "flask_presence.redis_address": set(),
}


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute name) of every import in a file, wherever it is."""
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
    """Return the part that an absolute name is in; None if it is not ours."""
    top, _, rest = name.partition(".")
    return f"{top}.{rest.partition('.')[0]}" if top in (BLOG, LIBRARY) else None


def files_of(part: str) -> list[Path]:
    """Return the Python files of one part: a package or a module."""
    folder = ROOT / part.replace(".", "/")
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def parts() -> set[str]:
    """Return every existing part of the two packages."""
    return {
        f"{package}.{path.stem}"
        for package in (BLOG, LIBRARY)
        for path in (ROOT / package).iterdir()
        if (path.suffix == ".py" and path.stem not in ("__init__", "hatch_build"))
        or (path.is_dir() and any(path.glob("*.py")))
    }


def test_every_part_has_its_place():
    assert parts() == set(ALLOWED)


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_a_part_imports_only_what_is_below_it(part):
    allowed = {part} | ALLOWED[part]
    for path in files_of(part):
        for line, name in imports_of(path):
            imported = part_of(name)
            is_allowed = imported in {None, *allowed} or name.partition(".")[0] in allowed
            assert is_allowed, f"{path}:{line} imports {name}"


def test_no_part_imports_one_that_stands_above_it():
    order = list(ALLOWED)
    for part, allowed in ALLOWED.items():
        below = {*order[order.index(part) + 1 :], LIBRARY}
        assert allowed <= below, f"{part} may import {allowed - below}"


@pytest.mark.parametrize("package", [BLOG, LIBRARY])
def test_no_file_is_long_and_no_constructor_takes_many_parameters(package):
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 350, f"{path} is long: give a part of it a file of its own"
        functions = (
            node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)
        )
        for function in functions:
            takes = [*function.args.args, *function.args.kwonlyargs]
            is_long = function.name == "__init__" and len(takes) > 7  # `self` is one
            assert not is_long, f"{path}:{function.lineno} takes more than six parameters"


def file_of(name: str) -> Path | None:
    """Return the file of the packages that an imported name is, or is defined in."""
    path = ROOT / name.replace(".", "/")
    for stem in (path, path.parent):
        for found in (stem.with_suffix(".py"), stem / "__init__.py"):
            if found.is_file():
                return found
    return None


@pytest.mark.parametrize("package", [BLOG, LIBRARY])
def test_no_files_import_each_other_in_a_circle(package):
    """Not even for their types alone: each file can be read after those that it imports."""
    imports = {
        path: {file_of(name) for _, name in imports_of(path) if name.startswith(package)}
        for path in (ROOT / package).rglob("*.py")
    }
    while first := [path for path, others in imports.items() if not others - {None, path}]:
        for path in first:
            del imports[path]
        for others in imports.values():
            others -= set(first)
    assert not imports, sorted(str(path.relative_to(ROOT)) for path in imports)


@pytest.mark.parametrize("part", sorted(PACKAGES))
def test_the_library_needs_gevent_and_redis_only_and_gunicorn_in_one_part(part):
    for path in files_of(part):
        for line, name in imports_of(path):
            top = name.partition(".")[0]
            own = {"flask", "itsdangerous", "jinja2", "markupsafe", "werkzeug"}
            flask = own if path.name in FOR_FLASK else set()
            allowed = {LIBRARY, "_typeshed", *PACKAGES[part], *flask, *STANDARD}
            assert top in allowed, f"{path}:{line} imports {name}"


def test_the_rules_of_the_protocol_are_pure():
    """They import neither redis, gevent nor a clock, and nothing of ours that does."""
    pure = {"counters", "protocol", "replica", "roster", "slot", "values", "wire"}
    for name in pure:
        for line, imported in imports_of(ROOT / "flask_presence" / "tracking" / f"{name}.py"):
            top, *rest = imported.split(".")
            is_pure = rest[1] in pure if top == LIBRARY else top in STANDARD - {"time", "logging"}
            assert is_pure, f"{name}.py:{line} imports {imported}"


def test_the_application_imports_the_factory_only():
    imported = {part_of(name) for _, name in imports_of(ROOT / "app.py")}
    assert imported - {None} == {"blog.factory"}


def test_the_packages_themselves_load_nothing():
    for package in (BLOG, LIBRARY):
        loaded = {name for name in loaded_after(package) if name.startswith(package)}
        assert loaded == {package}


def test_the_library_has_what_it_names():
    import flask_presence

    assert all(getattr(flask_presence, name) for name in flask_presence.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Presense'"):
        flask_presence.Presense  # noqa: B018


def public_names() -> dict[str, set[str]]:
    """Return the names that the docs promise, by their modules."""
    page = (ROOT / "docs" / "flask-presence.md").read_text("utf-8")
    table = page.partition("## Public names")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(flask_presence[\w.]*)` \| ([^|]+) \|", table, re.MULTILINE)
    return {module: set(re.findall(r"`(\w+)`", names)) for module, names in rows}


@pytest.mark.parametrize("module", sorted(public_names()))
def test_a_public_module_says_its_names_as_the_docs_do(module):
    loaded = import_module(module)
    assert set(loaded.__all__) == public_names()[module]
    assert all(hasattr(loaded, name) for name in loaded.__all__)


def test_the_blog_uses_the_librarys_public_names_only():
    public = public_names()
    promised = {f"{module}.{name}" for module, names in public.items() for name in names}
    own = [*(ROOT / BLOG).rglob("*.py"), ROOT / "app.py", ROOT / "gunicorn.conf.py"]
    used = {name for path in own for _, name in imports_of(path) if name.startswith(LIBRARY)}
    assert len(used) > 20
    assert used <= promised | public.keys()


def loaded_after(imports: str) -> set[str]:
    """Return the names of all modules that a Python has loaded after `import …`."""
    program = f"import sys, {imports}; print(*sys.modules, sep='\\n')"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(ended.stdout.split())


def test_a_worker_does_not_load_the_importer_prometheus_or_the_database():
    """The database, 20 MB, is loaded when there is something to keep."""
    loaded = loaded_after("app, blog.store.database, blog.history.report")
    assert not any("importing" in name for name in loaded)
    tops = {name.partition(".")[0] for name in loaded}
    assert not {"prometheus_client", "sqlalchemy", "alembic", "mako", "psycopg"} & tops


def test_importing_the_tracking_does_not_load_flask():
    loaded = {name.partition(".")[0] for name in loaded_after("flask_presence.tracking.tracker")}
    assert "redis" in loaded
    assert not {"blog", "flask", "werkzeug", "jinja2", "markdown", "gunicorn"} & loaded


def test_what_every_flask_command_loads_is_no_more_than_flask():
    """An entry point adds the commands to every run of `flask`, whatever its command."""
    loaded = loaded_after("flask_presence.cli.commands")
    ours = {name for name in loaded if name.startswith(LIBRARY)}
    assert ours == {
        LIBRARY,
        *(f"{LIBRARY}.{name}" for name in ("cli", "cli.commands", "place", "redis_address")),
    }
    assert not {"redis", "gevent"} & loaded


def test_importing_the_extension_loads_neither_redis_nor_gevent():
    """It takes as long as the rest of the library: an application loads it when it is made."""
    loaded = loaded_after("flask_presence.web.extension")
    assert "flask" in loaded
    assert not {"redis", "gevent", "asyncio", "gunicorn"} & loaded
    parts = {name.removeprefix("flask_presence.") for name in loaded}
    assert not {"tracking.tracker", "tracking.replica", "tracking.memory", "settings"} & parts


def test_what_gunicorns_master_loads_does_not_load_redis():
    """Loaded there before gevent has patched what it imports, it would stay so in every worker."""
    modules = [f"flask_presence.server.{name}" for name in ("worker", "embedded", "configuration")]
    modules.append("flask_presence.file_limits")
    loaded = loaded_after(", ".join([*modules, "blog.config"]))
    assert not {"redis", "valkey", "asyncio"} & loaded


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import blog.pages", ["blog.pages"]),
        ("from blog import pages", ["blog.pages"]),
        ("from blog.pages import x", ["blog.pages.x"]),
        ("from . import slot", ["blog.live.slot"]),
        ("from .. import pages", ["blog.pages"]),
        ("from ..pages import x", ["blog.pages.x"]),
        ("def f():\n    import flask", ["flask"]),
    ],
)
def test_every_form_of_import_is_found(tmp_path, monkeypatch, line, names):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "blog" / "live" / "written.py"
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert [name for _, name in imports_of(path)] == names
