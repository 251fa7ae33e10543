"""Attributes in braces, `{#id .class key=value}`, as Hugo and kramdown read them."""

from __future__ import annotations

import re

from markdown.extensions.attr_list import AttrListTreeprocessor

_ONE = r"""(?:[.#][\w-][^\s{}="'<>]*|[A-Za-z_][\w.:-]*=(?:"[^"\n]*"|'[^'\n]*'|[^\s{}"'=<>]+))"""
ATTRIBUTES = rf"\{{:?[ ]*{_ONE}(?:[ ]+{_ONE})*[ ]*\}}"
_LIST = rf"\{{:?[ ]*({_ONE}(?:[ ]+{_ONE})*)[ ]*\}}"


class AttributeStep(AttrListTreeprocessor):
    """Reads attributes. Braces around anything else are text: `GET /users/{id}`, `**Note** {sic}`.

    Python-Markdown's attr_list turns any word in braces into an attribute without a value, and the
    word is gone.
    """

    BASE_RE = _LIST  # type: ignore[misc]
    HEADER_RE = re.compile(rf"[ ]+{_LIST}[ ]*$")  # type: ignore[misc]
    BLOCK_RE = re.compile(rf"\n[ ]*{_LIST}[ ]*$")  # type: ignore[misc]
    INLINE_RE = re.compile(_LIST)  # type: ignore[misc]
