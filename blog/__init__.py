"""A blog that knows who is reading it."""
