"""The versions of the store's schema, the oldest first. Loads nothing: what starts a blog asks."""

from __future__ import annotations

# Each is the revision of a file in migrations/versions/.
VERSIONS = ("0001",)
NEWEST = VERSIONS[-1]


def is_old(found: str | None) -> bool:
    """Tell whether a schema of that version, None for no schema, is to be migrated."""
    return found is None or found in VERSIONS[:-1]
