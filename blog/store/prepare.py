"""A program that makes or migrates the tables of the store whose address it reads.

It says in a line what it did, or why it cannot: a process of its own, so that what is loaded for
it is in no worker.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from blog.store.database import Database, SchemaRefused, StoreUnavailable
from blog.store.place import REFUSED, UNAVAILABLE

# Of two hosts that start at once, one waits until the other's migration is done.
WAIT_SECONDS = 60.0


def main() -> int:
    """Prepare the store; return the exit code."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stdout)
    database = Database(sys.stdin.read(), Path(), wait_seconds=WAIT_SECONDS)
    try:
        database.prepare()
    except SchemaRefused as error:
        print(error)  # noqa: T201 - for who started it
        return REFUSED
    except StoreUnavailable as error:
        print(error)  # noqa: T201
        return UNAVAILABLE
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
