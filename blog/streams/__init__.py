"""What an open page receives: bytes and sockets. Knows nothing of posts."""
