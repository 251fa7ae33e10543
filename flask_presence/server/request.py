"""The plainest request for a stream, read in one go.

Every open page opens a stream, thousands at once after a deploy, and a server's handling of a
general request would cost more than everything else that is done for the reader. So the worker
tries this parser first, on the bytes that are still in the socket: a request that it understands
without doubt is answered at once; every other one is left to the server.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..streams.stream import PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# As in gunicorn.conf.py: a head with more is left to the server to refuse.
MAX_FIELDS = 50

# A whole head, and nothing after it. Names have no underscore, which could be taken for a dash, and
# no line continues the one before it.
_REQUEST = rb"GET %s(\?[!\"$-~]*)? HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n)+)\r\n"
# The fields that only a server may judge: they announce a body, another protocol, or the scheme.
_FOR_THE_SERVER = {
    "HTTP_CONTENT_LENGTH",
    "HTTP_CONTENT_TYPE",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_EXPECT",
    "HTTP_UPGRADE",
    "HTTP_X_FORWARDED_PROTOCOL",
    "HTTP_X_FORWARDED_SSL",
}


def read_stream_request(
    head: bytes, address: str, *, trusts_proxy: bool, path: str = PATH
) -> WSGIEnvironment | None:
    """Return the environ of a request for a stream, or None if the server has to read it.

    `address` is the peer's. `trusts_proxy` is whether the application itself reads the scheme from
    X-Forwarded-Proto; if it does not, the server decides which proxy it trusts. `path` is the path
    of streams.
    """
    request = _pattern(path).fullmatch(head)
    if request is None or request[2].count(b"\n") > MAX_FIELDS:
        return None
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": request[1][1:].decode("ascii") if request[1] else "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": address,
        "wsgi.url_scheme": "http",
    }
    for line in request[2].decode("ascii").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        key = _environ_key(name)
        if key in environ or key in _FOR_THE_SERVER:
            return None
        environ[key] = value.strip(" \t")
    if "HTTP_HOST" not in environ:
        return None
    if "HTTP_X_FORWARDED_PROTO" in environ and not trusts_proxy:
        return None
    return environ


@lru_cache(maxsize=4)
def _pattern(path: str) -> re.Pattern[bytes]:
    return re.compile(_REQUEST % re.escape(path.encode("ascii")))


@lru_cache(maxsize=256)
def _environ_key(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")
