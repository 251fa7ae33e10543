"""Streams that any WSGI server sends, as the iterable of a response."""
