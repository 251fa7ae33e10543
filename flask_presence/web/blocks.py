"""Compile a template's `{% call %}` block about presence as a template of its own.

A page's template is rendered once, for one reader; its live elements are rendered again and again,
for all readers, by any worker. So the block is compiled alone: it sees its arguments, the globals
that all pages share, and the macros of its file. Every worker finds it by its template's name and a
digest.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jinja2 import Environment, Template, TemplateNotFound, meta, nodes
from markupsafe import Markup

# Flask gives these to every template, but they belong to one reader.
OF_ONE_READER = {"request", "session", "g"}
_WITH_BLOCKS = {"list", "counter", "total"}


class Name(NamedTuple):
    """Where a block is: its template, and its digest."""

    template: str
    digest: str


class Block(NamedTuple):
    """A compiled block, and the number of values that it is called with."""

    name: Name
    line: int
    arity: int
    write: Callable[..., Markup]


class Blocks:
    """The blocks of an application's templates. The blocks get this `url_for`."""

    def __init__(self, environment: Environment, url_for: Callable[..., str]) -> None:
        self._environment = environment
        self._globals = {
            name: value for name, value in environment.globals.items() if name not in OF_ONE_READER
        } | {"url_for": url_for}
        self._read: dict[str, tuple[Template, list[Block]]] = {}

    def find_here(self) -> Block:
        """Return the block that the template being rendered is calling.

        Raises `RuntimeError` for a template without a file, and for a block that needs what not all
        readers share.
        """
        template, line = _find_caller()
        if template.name is None:
            raise RuntimeError(
                "presence: found a block in the template of a string, expected one in a file:"
                " every worker must find it"
            )
        here = [block for block in self._blocks_of(template) if block.line == line]
        if len(here) != 1:
            raise RuntimeError(
                f"presence: found {len(here)} blocks in line {line} of {template.name}, expected"
                " one: `{% call(metas) presence.list(…) %}` on a line of its own"
            )
        return here[0]

    def find(self, name: Name) -> Block | None:
        """Return a block by its name; None if its template has changed since."""
        try:
            template = self._environment.get_template(name.template)
        except TemplateNotFound:
            return None
        found = (block for block in self._blocks_of(template) if block.name == name)
        return next(found, None)

    def _blocks_of(self, template: Template) -> list[Block]:
        """Return the blocks of a template; read them again if it has changed."""
        name = str(template.name)
        known = self._read.get(name)
        if known is None or known[0] is not template:
            blocks = list(self._read_blocks(name))
            known = self._read[name] = template, blocks
        return known[1]

    def _read_blocks(self, name: str) -> Iterator[Block]:
        assert self._environment.loader is not None  # noqa: S101 - it loaded this template
        source, filename, _ = self._environment.loader.get_source(self._environment, name)
        tree = self._environment.parse(source, name, filename)
        for call in tree.find_all(nodes.CallBlock):
            if _is_ours(call):
                yield self._compile(call, _find_shared(tree, call), name)

    def _compile(self, call: nodes.CallBlock, shared: list[nodes.Node], name: str) -> Block:
        macro = nodes.Macro("block", call.args, call.defaults, call.body, lineno=call.lineno)
        tree = nodes.Template([*shared, macro], lineno=1)
        tree.set_environment(self._environment)
        set_there = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        used = {name.name for name in tree.find_all(nodes.Name)} - set_there
        missing = meta.find_undeclared_variables(tree) | (used & OF_ONE_READER)
        if missing:
            names = ", ".join(sorted(missing))
            raise RuntimeError(
                f"presence: found {names} in the block in line {call.lineno} of {name}, expected"
                " its own values: what it says is the same for all readers"
            )
        code = self._environment.compile(tree, name)
        compiled = Template.from_code(self._environment, code, dict(self._globals))
        write: Callable[..., Markup] = compiled.module.block  # type: ignore[attr-defined]
        digest = hashlib.blake2b(repr(tree).encode(), digest_size=6).hexdigest()
        return Block(Name(name, digest), call.lineno, len(call.args), write)


def _find_caller() -> tuple[Template, int]:
    """Return the innermost template that is being rendered, and the line that it is at.

    Jinja keeps the template among the globals of its code, for its own tracebacks.
    """
    frame = sys._getframe(1)
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            return template, template.get_corresponding_lineno(frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    raise RuntimeError("presence: found a block outside of a template, expected {% call %} in one")


def _is_ours(block: nodes.CallBlock) -> bool:
    called = block.call.node
    return (
        isinstance(called, nodes.Getattr)
        and called.attr in _WITH_BLOCKS
        and isinstance(called.node, nodes.Name)
        and called.node.name == "presence"
    )


def _find_shared(tree: nodes.Template, call: nodes.CallBlock) -> list[nodes.Node]:
    """Return the macros and imports of a template that a block uses, by the block's names."""
    by_name: dict[str, nodes.Node] = {}
    for shared in tree.find_all((nodes.Macro, nodes.Import, nodes.FromImport)):
        by_name |= dict.fromkeys(_defined_by(shared), shared)
    found: dict[int, nodes.Node] = {}
    waiting: list[nodes.Node] = list(call.body)
    while waiting:
        node = waiting.pop()
        names = {name.name for name in node.find_all(nodes.Name)}
        names |= {node.name} if isinstance(node, nodes.Name) else set()
        for used in [by_name[name] for name in sorted(names) if name in by_name]:
            if id(used) not in found:
                found[id(used)] = used
                waiting.append(used)
    return sorted(found.values(), key=lambda node: node.lineno)


def _defined_by(node: nodes.Node) -> list[str]:
    if isinstance(node, nodes.Macro):
        return [node.name]
    if isinstance(node, nodes.Import):
        return [node.target]
    named: Any = node.names if isinstance(node, nodes.FromImport) else []
    return [name if isinstance(name, str) else name[1] for name in named]
