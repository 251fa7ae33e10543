"""The address of a Redis: one grammar, for the check before anything starts and for the connection.

A URL may hold a password, and in a mistyped URL it may stand anywhere, so messages repeat nothing
of a URL but its scheme.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote

__all__ = ["SHORT", "RedisAddress", "embedded_socket", "has_tag", "needs_tag"]

EXAMPLES = {
    "redis": "redis://host:6379/0",
    "rediss": "rediss://host:6379/0",
    "unix": "unix:///path/valkey.sock",
    "redis+sentinel": "redis+sentinel://host:26379,host:26379/service",
    "rediss+sentinel": "rediss+sentinel://host:26379,host:26379/service",
    "redis+cluster": "redis+cluster://host:6379,host:6379",
    "rediss+cluster": "rediss+cluster://host:6379,host:6379",
}
SHORT = "redis://, redis+sentinel://, redis+cluster://, each also rediss, or unix://"

PARTS = re.compile(
    r"((?P<credentials>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(/(?P<path>[^?#]*))?(\?(?P<options>[^#]*))?"
)
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+)(:(?P<port>\d{1,5}))?")

# What may follow the `?`, and the values it may have.
TLS_OPTIONS = {
    "ssl_ca_certs": r".+",
    "ssl_certfile": r".+",
    "ssl_keyfile": r".+",
    "ssl_cert_reqs": r"none|optional|required",
    "ssl_check_hostname": r"(?i:true|false)",
}
SENTINEL_OPTIONS = {"sentinel_username": r".+", "sentinel_password": r".+"}
DATABASE = r"\d{1,5}"

Host = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """One server, a service that Sentinels watch, or a cluster, and how to log in there."""

    scheme: str
    # The server, the Sentinels, or some of the cluster's nodes; none where there is a socket.
    hosts: tuple[Host, ...]
    name: str  # the socket's path, or the service that the Sentinels watch
    database: int
    username: str | None
    password: str | None = field(repr=False)
    # What else the URL says, by name: TLS, and how to log in at the Sentinels.
    options: Mapping[str, str] = field(repr=False)

    @property
    def is_tls(self) -> bool:
        """Tell whether connections are encrypted."""
        return self.scheme.startswith("rediss")

    @property
    def is_sentinel(self) -> bool:
        """Tell whether the hosts are Sentinels."""
        return self.scheme.endswith("+sentinel")

    @property
    def is_cluster(self) -> bool:
        """Tell whether the hosts are nodes of a cluster."""
        return needs_tag(self.scheme)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL of one of the forms in `EXAMPLES`.

        Raises `ValueError`, which says what was found and what was expected.
        """
        scheme, separator, rest = url.partition("://")
        if not separator or not re.fullmatch(r"[A-Za-z+]+", scheme):
            raise ValueError(f"found no scheme, expected {SHORT}")
        if scheme not in EXAMPLES:
            raise ValueError(f"found the scheme {scheme!r}, expected {SHORT}")
        try:
            return cls._parse_rest(scheme, rest)
        except _MistakeError as mistake:
            raise ValueError(f"found {mistake}, expected {EXAMPLES[scheme]}") from None

    @classmethod
    def _parse_rest(cls, scheme: str, rest: str) -> Self:
        parts = PARTS.fullmatch(rest)
        if parts is None:
            raise _MistakeError("a # in it, which is written %23")
        credentials, hosts, path, options = (
            parts[name] or "" for name in ("credentials", "hosts", "path", "options")
        )
        if scheme != "unix" and "@" in path + options:
            raise _MistakeError(
                "a / or ? in the user or the password, which are written %2F and %3F"
            )
        read_hosts = _read_hosts(scheme, hosts)
        name, database = _read_path(scheme, path)
        read_options = _read_options(scheme, options)
        username, _, password = credentials.partition(":")
        return cls(
            scheme=scheme,
            hosts=read_hosts,
            name=name,
            database=int(read_options.pop("db", database) or 0),
            username=unquote(username) or None,
            password=unquote(password) or None,
            options=read_options,
        )


class _MistakeError(Exception):
    """What was found in a URL instead of what was expected."""


def needs_tag(url: str) -> bool:
    """Tell, of a broken URL too, whether all keys need a hash tag: a cluster would spread them."""
    return url.partition("://")[0].endswith("+cluster")


def has_tag(prefix: str) -> bool:
    """Tell whether keys of this prefix share a hash tag: the first `{…}`, if it is not empty."""
    return re.match(r"[^{]*\{[^}]+\}", prefix) is not None


def embedded_socket(instance_dir: Path) -> Path:
    """Return where the embedded Valkey listens, if it runs."""
    return (instance_dir / "valkey" / "valkey.sock").resolve()


def _read_hosts(scheme: str, text: str) -> tuple[Host, ...]:
    if scheme == "unix":
        if text:
            raise _MistakeError("a host after unix://")
        return ()
    if not text:
        raise _MistakeError(f"no host after {scheme}://")
    hosts = text.split(",")
    if len(hosts) > 1 and "+" not in scheme:
        raise _MistakeError("several hosts")
    default_port = 26379 if scheme.endswith("+sentinel") else 6379
    return tuple(_read_host(host, default_port) for host in hosts)


def _read_host(text: str, default_port: int) -> Host:
    match = HOST.fullmatch(text)
    if match is None or not 0 < int(match["port"] or default_port) < 65_536:
        raise _MistakeError("a host or port that cannot be read")
    try:
        match["name"].encode("idna")
    except UnicodeError:
        raise _MistakeError("a host that cannot be a name") from None
    return unquote(match["name"].strip("[]")), int(match["port"] or default_port)


def _read_path(scheme: str, path: str) -> tuple[str, str]:
    """Return what the path names, a socket or a service, and the database; "" for neither."""
    name, database = "", path
    if scheme == "unix":
        if not path.strip("/"):
            raise _MistakeError("no path after unix://")
        name, database = f"/{path}", ""
    elif scheme.endswith("+cluster"):
        if path:
            raise _MistakeError(
                "something after the hosts; a cluster has no service and one database"
            )
    elif scheme.endswith("+sentinel"):
        name, _, database = path.partition("/")
        if not name:
            raise _MistakeError("no service after the hosts")
    database = database.strip("/")
    if database and not re.fullmatch(DATABASE, database):
        raise _MistakeError("a database that is no number")
    return unquote(name), database


def _read_options(scheme: str, text: str) -> dict[str, str]:
    known = {} if "+" in scheme else {"db": DATABASE}
    known |= TLS_OPTIONS if scheme.startswith("rediss") else {}
    known |= SENTINEL_OPTIONS if scheme.endswith("+sentinel") else {}
    try:
        pairs = parse_qsl(text, strict_parsing=True) if text else []
    except ValueError:
        raise _MistakeError("options that cannot be read, as name=value&name=value") from None
    for name, value in pairs:
        if name not in known:
            names = ", ".join(sorted(known)) or "those of this form"
            raise _MistakeError(f"an option that is none of {names}")
        if not re.fullmatch(known[name], value):
            raise _MistakeError(f"an unusable value of {name}")
    return dict(reversed(pairs))  # the first of several, as redis-py has it
