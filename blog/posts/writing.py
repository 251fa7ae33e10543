"""From a post's fields to the text of its file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import yaml


def write_post(fields: Mapping[str, Any], body: str) -> str:
    """Write a file: the fields as YAML, a line for each in the order given, then the body.

    Reading the file gives the same values: text that looks like a date or a switch is quoted.
    """
    lines = "".join(f"{name}: {_write_value(value)}\n" for name, value in fields.items())
    return f"---\n{lines}---\n\n{body.strip()}\n" if body.strip() else f"---\n{lines}---\n\n"


def _write_value(value: Any) -> str:
    if isinstance(value, datetime) and not any((value.hour, value.minute, value.second)):
        value = value if value.tzinfo else value.date()
    if isinstance(value, datetime):
        return value.isoformat(" ", "auto" if value.second or value.microsecond else "minutes")
    if isinstance(value, date):
        return value.isoformat()
    # In a list, so that a value that is text needs no line of its own: `[a, b]` less the brackets.
    dumped = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=2**31)
    return dumped.strip()[1:-1]
