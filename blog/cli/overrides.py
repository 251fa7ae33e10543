"""Templates of a site folder that do not fit the theme's templates, after an upgrade or by a
slip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from flask import Flask
from jinja2 import Environment, TemplateSyntaxError, nodes

from blog.posts import Fault
from blog.site_folder import find_site, overridden

# By this prefix a template of the author's names the one that it overrides.
PREFIX = "viblog/"
TEMPLATES = "templates"


class _Template:
    """What one template offers to others, and what it uses of them."""

    def __init__(self, name: str, path: Path, tree: nodes.Template) -> None:
        self.name = name
        self.path = path
        self.blocks = {block.name: block.lineno for block in tree.find_all(nodes.Block)}
        inside = {
            block.name for outer in tree.find_all(nodes.Block) for block in _inner_blocks(outer)
        }
        self.outer_blocks = {name: self.blocks[name] for name in self.blocks if name not in inside}
        self.macros = {
            child.name: child.lineno for child in tree.body if isinstance(child, nodes.Macro)
        }
        assigned = (child.target for child in tree.body if isinstance(child, nodes.Assign))
        names = {target.name for target in assigned if isinstance(target, nodes.Name)}
        self.exports = names | self.macros.keys()
        self.parent, self.parent_line = _name_in(next(tree.find_all(nodes.Extends), None))
        self.imports = [
            (*_name_in(found), [name if isinstance(name, str) else name[0] for name in found.names])
            for found in tree.find_all(nodes.FromImport)
        ]
        self.uses = [_name_in(found) for found in tree.find_all((nodes.Include, nodes.Import))]
        self.endpoints = [*_find_endpoints(tree)]


def find_unfit_overrides(app: Flask) -> list[Fault]:
    """Return a fault for each thing in the site's templates that the engine has nothing for."""
    site = find_site()
    if site is None:
        return []
    # As posts are named: from here.
    own_folder, engine_folder = Path(TEMPLATES), overridden(site, TEMPLATES)[-1]
    faults: list[Fault] = []
    own = dict(_read_folder(own_folder, app.jinja_env, faults))
    theme = dict(_read_folder(engine_folder, app.jinja_env, faults))
    check = _Check(own, theme, app)
    for template in own.values():
        faults += check.find_faults(template)
    return faults


def _read_folder(
    folder: Path, environment: Environment, faults: list[Fault]
) -> Iterator[tuple[str, _Template]]:
    for path in sorted(folder.rglob("*.html")):
        name = path.relative_to(folder).as_posix()
        try:
            source = path.read_text(encoding="utf-8")
            environment.compile(source, name, str(path), raw=True)
            yield name, _Template(name, path, environment.parse(source, name, str(path)))
        except TemplateSyntaxError as error:
            mend = "correct it; the theme's own is used meanwhile"
            faults.append(Fault(path, error.lineno, str(error.message), "a template", mend))
        except (OSError, UnicodeError) as error:
            faults.append(Fault(path, 1, str(error), "a text in UTF-8", "save it so"))


class _Check:
    """Compares the author's templates with the theme's."""

    def __init__(
        self, own: Mapping[str, _Template], theme: Mapping[str, _Template], app: Flask
    ) -> None:
        self._own = own
        self._theme = theme
        self._endpoints = app.view_functions

    def find_faults(self, template: _Template) -> Iterator[Fault]:
        """Yield what is wrong with one of the author's templates."""
        yield from self._check_name(template)
        yield from self._check_blocks(template)
        for name, line, macros in template.imports:
            source = self._find(name)
            for macro in macros:
                if source is not None and macro not in source.exports:
                    yield _describe(template, line, f"the macro {macro}", name, source.macros)
        named = [(name, line) for name, line, _ in template.imports]
        for name, line in [*template.uses, *named, (template.parent, template.parent_line)]:
            if name and self._find(name) is None:
                yield _describe(template, line, f"the template {name}", "the theme", self._theme)
        for endpoint, line in template.endpoints:
            if endpoint not in self._endpoints:
                yield _describe(
                    template, line, f"the address {endpoint}", "the blog", self._endpoints
                )

    def _check_name(self, template: _Template) -> Iterator[Fault]:
        used = {
            name
            for other in self._own.values()
            for name, *_ in [*other.uses, *other.imports, (other.parent,)]
        }
        if template.name not in self._theme and template.name not in used:
            yield _describe(template, 1, f"the template {template.name}", "the theme", self._theme)
        if template.name == "live/words.html":  # has those macros only that it changes
            known = self._theme[template.name].macros
            for macro in template.macros.keys() - known.keys():
                line = template.macros[macro]
                if not macro.startswith("_"):
                    yield _describe(template, line, f"the macro {macro}", "the theme", known)

    def _check_blocks(self, template: _Template) -> Iterator[Fault]:
        if template.parent == template.name:
            mend = f'write {{% extends "{PREFIX}{template.name}" %}}'
            found = f"{template.name} extends itself"
            yield Fault(template.path, template.parent_line, found, "the theme's", mend)
            return
        if template.parent:
            above = self._list_blocks(template)
            for block, line in template.outer_blocks.items():
                if block not in above:
                    yield _describe(template, line, f"the block {block}", template.parent, above)
            return
        # A whole override has to define what the theme's other templates use of it.
        for other in self._theme.values():
            if other.name in self._own:
                continue
            if other.parent == template.name:
                wanted, have = other.outer_blocks.keys(), template.blocks.keys()
                yield from self._describe_missing(template, "block", wanted - have, other)
            for name, _, macros in other.imports:
                if name == template.name:
                    missing = set(macros) - template.exports
                    yield from self._describe_missing(template, "macro", missing, other)

    def _describe_missing(
        self, template: _Template, kind: str, names: Iterable[str], other: _Template
    ) -> Iterator[Fault]:
        for name in sorted(names):
            found = f"{template.name} has no {kind} {name}, which the theme's {other.name} uses"
            mend = f"take it from the theme's, or extend {PREFIX}{template.name}"
            yield Fault(template.path, 1, found, f"the {kind}s of the theme's", mend)

    def _list_blocks(self, template: _Template) -> set[str]:
        """Return the blocks of all that a template extends."""
        found: set[str] = set()
        seen: set[Path] = set()
        above = self._find(template.parent)
        while above is not None and above.path not in seen:
            seen.add(above.path)
            found |= above.blocks.keys()
            above = self._find(above.parent)
        return found

    def _find(self, name: str) -> _Template | None:
        if name.startswith(PREFIX):
            return self._theme.get(name.removeprefix(PREFIX))
        return self._own.get(name) or self._theme.get(name)


def _describe(
    template: _Template, line: int, what: str, holder: str, known: Iterable[str]
) -> Fault:
    wanted = what.rpartition(" ")[2]
    near = get_close_matches(wanted, known, 1)
    kind = what.split(" ")[1]
    expected = f"a {kind} that {holder} has" if kind != "address" else "a page of the blog"
    mend = f"do you mean {near[0]}?" if near else f"{holder} has {', '.join(sorted(known)[:12])}"
    return Fault(template.path, line, f"{what}: there is none", expected, mend)


def _inner_blocks(outer: nodes.Block) -> Iterator[nodes.Block]:
    for child in outer.body:
        if isinstance(child, nodes.Block):
            yield child
        yield from child.find_all(nodes.Block)


def _name_in(node: nodes.Node | None) -> tuple[str, int]:
    """Return the name of the template that a tag names, where it is written out, and its line."""
    named = getattr(node, "template", None)
    value = named.value if isinstance(named, nodes.Const) else ""
    return (value if isinstance(value, str) else ""), (node.lineno if node is not None else 1)


def _find_endpoints(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "url_for" and call.args:
            first = call.args[0]
            if isinstance(first, nodes.Const):
                yield str(first.value), call.lineno
