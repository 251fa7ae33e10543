"""YAML with the line of every top-level key, safe against hostile nesting and aliases."""

from __future__ import annotations

from typing import Any, cast

import yaml

from blog.posts.schema import TEXT_NAMES

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # a PyYAML built without libyaml: slower, the same result
    from yaml import SafeLoader  # type: ignore[assignment]

# A merge key (`<<`) copies, so n aliases can grow a value to about 3^(n/3); 20 stay below 2,000.
MAX_ALIASES = 20
# libyaml's composer recurses in C and crashes the process from some 10,000 levels.
MAX_DEPTH = 50

_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_LIST = "tag:yaml.org,2002:seq"


class _Loader(SafeLoader):
    """The safe loader; a time stamp that is no real date stays text."""


def _read_timestamp(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except (ValueError, AttributeError):  # the latter for `!!timestamp soon`
        return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _read_timestamp)


def read_yaml(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Read a mapping; return its values and the line of each key, from 1. Raises `YAMLError`."""
    # Few characters can nest or alias; a short front matter is spared the second pass.
    has_aliases = "&" in text and "*" in text
    if has_aliases or len(text) > 4096 or sum(map(text.count, "[{-?&")) > MAX_DEPTH:
        _refuse_bombs(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            raise yaml.MarkedYAMLError(problem="text without keys", problem_mark=node.start_mark)
        lines = _prepare(node)
        values = _read_texts(node)
        if values is None:
            values = {str(key): value for key, value in loader.construct_document(node).items()}
    except (ValueError, OverflowError, TypeError, KeyError) as error:
        # Values that look like a number or a binary and are none, or a key that is a list.
        raise yaml.MarkedYAMLError(problem=str(error)) from error
    finally:
        loader.dispose()
    return values, lines


def _prepare(node: yaml.MappingNode) -> dict[str, int]:
    """Note each key's line, refuse a key given twice, keep text fields as written."""
    lines: dict[str, int] = {}
    for key, value in node.value:
        if key.value in lines and isinstance(key.value, str) and key.value != "<<":
            raise yaml.MarkedYAMLError(
                problem=f"{key.value} a second time", problem_mark=key.start_mark
            )
        lines[str(key.value)] = key.start_mark.line + 1
        if isinstance(key.value, str) and key.value.lower() in TEXT_NAMES:
            _keep_text(value)
            for item in value.value if isinstance(value, yaml.SequenceNode) else ():
                _keep_text(item)
    return lines


def _read_texts(node: yaml.MappingNode) -> dict[str, Any] | None:
    """Read the values where all of them are texts or lists of texts, as most posts have them.

    Returns None where one is anything else: the constructor, which then reads all, takes four times
    as long, and a large blog's start is mostly this.
    """
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not _is_text(key):
            return None
        if _is_text(value):
            values[key.value] = value.value
        elif value.tag == _LIST and all(map(_is_text, value.value)):
            values[key.value] = [item.value for item in value.value]
        else:
            return None
    return values


def _is_text(node: yaml.Node) -> bool:
    return node.tag == _TEXT and isinstance(node, yaml.ScalarNode)


def _keep_text(node: yaml.Node) -> None:
    if isinstance(node, yaml.ScalarNode) and node.tag != _NULL:
        node.tag = _TEXT


def _refuse_bombs(text: str) -> None:
    depth = aliases = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > MAX_DEPTH or aliases > MAX_ALIASES:
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_ALIASES} aliases"
            raise yaml.MarkedYAMLError(
                problem=f"more than {limit}", problem_mark=cast(Any, event.start_mark)
            )
