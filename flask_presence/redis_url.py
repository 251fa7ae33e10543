"""The form of BLOG_REDIS_URL, checked before anything starts: a mistake is said in one line.

A URL may hold a password, and a mistyped one may have it in any place: nothing of a URL is repeated
but its scheme.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

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


def embedded_socket(instance_dir: Path) -> Path:
    """Return where the embedded Valkey listens, if it runs."""
    return (instance_dir / "valkey" / "valkey.sock").resolve()


def find_problem(url: str) -> str | None:
    """Say what was found and what was expected, where a URL cannot be used."""
    scheme, separator, rest = url.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z+]+", scheme):
        return f"found no scheme, expected {SHORT}"
    if scheme not in EXAMPLES:
        return f"found the scheme {scheme!r}, expected {SHORT}"
    found = next(_find_mistakes(scheme, rest), None)
    return found and f"found {found}, expected {EXAMPLES[scheme]}"


def needs_tag(url: str) -> bool:
    """Tell whether all keys must have a hash tag, so that a cluster keeps them together."""
    return url.partition("://")[0].endswith("+cluster")


def has_tag(prefix: str) -> bool:
    """Tell whether keys of this prefix share a hash tag: the first `{…}`, if it is not empty."""
    return re.match(r"[^{]*\{[^}]+\}", prefix) is not None


def _find_mistakes(scheme: str, rest: str) -> Iterator[str]:
    match = PARTS.fullmatch(rest)
    if match is None:
        yield "a # in it, which is written %23"
        return
    hosts, path, options = (match[name] or "" for name in ("hosts", "path", "options"))
    if scheme == "unix":
        if hosts:
            yield "a host after unix://"
        if not path.strip("/"):
            yield "no path after unix://"
    else:
        if "@" in path + options:
            yield "a / or ? in the user or the password, which are written %2F and %3F"
        yield from _find_mistakes_in_hosts(scheme, hosts.split(","))
        yield from _find_mistakes_in_path(scheme, path)
    yield from _find_mistakes_in_options(scheme, options)


def _find_mistakes_in_hosts(scheme: str, hosts: list[str]) -> Iterator[str]:
    if hosts == [""]:
        yield f"no host after {scheme}://"
    if len(hosts) > 1 and "+" not in scheme:
        yield "several hosts"
    for host in hosts:
        match = HOST.fullmatch(host)
        if not match or not 0 < int(match["port"] or 1) < 65_536:
            yield "a host or port that cannot be read"
        else:
            try:
                match["name"].encode("idna")
            except UnicodeError:
                yield "a host that cannot be a name"


def _find_mistakes_in_path(scheme: str, path: str) -> Iterator[str]:
    if scheme.endswith("+cluster"):
        if path:
            yield "something after the hosts; a cluster has no service and one database"
        return
    database = path
    if scheme.endswith("+sentinel"):
        service, _, database = path.partition("/")
        if not service:
            yield "no service after the hosts"
    if database.strip("/") and not re.fullmatch(DATABASE, database.strip("/")):
        yield "a database that is no number"


def _find_mistakes_in_options(scheme: str, options: str) -> Iterator[str]:
    known = {} if "+" in scheme else {"db": DATABASE}
    known |= TLS_OPTIONS if scheme.startswith("rediss") else {}
    known |= SENTINEL_OPTIONS if scheme.endswith("+sentinel") else {}
    try:
        pairs = parse_qsl(options, strict_parsing=True) if options else []
    except ValueError:
        yield "options that cannot be read, as name=value&name=value"
        return
    for name, value in pairs:
        if name not in known:
            yield f"an option that is none of {', '.join(sorted(known)) or 'those of this form'}"
        elif not re.fullmatch(known[name], value):
            yield f"an unusable value of {name}"
