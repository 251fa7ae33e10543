"""The meta of an open page: our own fields, and those that the application adds. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Meta = Mapping[str, Any]

# Every reader of any page is present on this topic; the metas say which page.
TOPIC = "readers"
# The `tab` of a meta that the application itself tracks: there is no tab whose ref it could hold.
TRACKED_BY_APPLICATION = ""
# `page` is the page that it counts for; `joined_at` is when it first came, in milliseconds of its
# worker's clock; `tab` is the ref that its stream began with, if the meta was changed since; `was`
# is what that was before it came back.
OWN_FIELDS = frozenset({"page", "joined_at", "tab", "was", "ref", "prev_ref"})
# The limit of the added fields, as JSON. Redis and every worker keep them for each open page.
MAX_META_BYTES = 1024


class MetaError(ValueError):
    """A meta that cannot be used, said in one line."""


def check_added(added: object) -> dict[str, Any]:
    """Check and return the fields that an application adds to a meta, or replaces its own with.

    Raises `MetaError` for anything but a mapping that JSON can hold, for one of our own fields, and
    for more than `MAX_META_BYTES`.
    """
    if not isinstance(added, Mapping):
        raise MetaError(f"presence: found a meta of type {type(added).__name__}, expected a dict")
    for name in added:
        if not isinstance(name, str):
            raise MetaError(f"presence: found the field {name!r} in a meta, expected a str")
        if name in OWN_FIELDS:
            raise MetaError(f"presence: found the field {name!r} in a meta, expected another name")
    try:
        text = json.dumps(dict(added), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise MetaError(f"presence: found a meta that JSON cannot hold: {error}") from None
    if len(text) > MAX_META_BYTES:
        raise MetaError(
            f"presence: found a meta of {len(text)} bytes, expected {MAX_META_BYTES} at most"
        )
    return dict(added)


def read_added(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an application added to a meta."""
    return {name: value for name, value in meta.items() if name not in OWN_FIELDS}
