"""Bring the schema of the store to the version of the program. Loads Alembic: 0.1 s and 8 MB."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from blog.store.versions import NEWEST

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Make every change from the schema's version to the newest, in the transaction there is."""
    if connection.dialect.name == "postgresql":  # it takes as long as it takes
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    config = Config()
    # A "%" stands for more in an ini file, which this would be.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, NEWEST)
