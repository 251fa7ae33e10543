"""Streams on sockets that are taken over from the server: no greenlet, and no copy for each."""
