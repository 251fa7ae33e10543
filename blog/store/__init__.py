"""The durable store beside Redis: a file of SQLite, or a PostgreSQL that several hosts share."""
