"""Every setting of the blog: its name, type, default, unit and meaning.

Nothing else in the project reads the environment. A setting `posts_dir` is read from the variable
`BLOG_POSTS_DIR`; `PORT` and `WEB_CONCURRENCY` keep the names that hosting platforms give them.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from flask_presence.redis_url import SHORT, embedded_socket, find_problem, has_tag, needs_tag

# 16 random bytes written in hex: nobody guesses a signature's key of that length.
MIN_SECRET_CHARS = 32


# BCP 47, without asking whether there is such a language.
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_SITE_URL = re.compile(r"(?:(?i:https?)://(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::[0-9]+)?/?)?")
_HOST_NAME = re.compile(r"[\w.-]+")
# Whose subdomains are meant, too, begins with a dot. A port is not looked at.
_TRUSTED_HOST = re.compile(r"\.?[\w-]+(?:\.[\w-]+)*(?::[0-9]+)?")
_SECONDS = "seconds, more than 0, less than 86400"


class SettingsError(ValueError):
    """One or more settings cannot be used; one line for each in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _read_text(value: str) -> str:
    return value.strip()


def _read_fitting(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not pattern.fullmatch(value.strip()):
            raise ValueError
        return value.strip()

    return read


def _read_host(value: str) -> str:
    host = value.strip()
    if ":" in host:
        ipaddress.IPv6Address(host)
    elif not _HOST_NAME.fullmatch(host):
        raise ValueError
    return host


def _read_path(value: str) -> Path:
    return Path(value.strip()).expanduser()


def _read_whole(value: str) -> int:
    return int(value)


def _read_port(value: str) -> int:
    port = int(value)
    if not 1 <= port <= 65_535:
        raise ValueError
    return port


def _read_seconds(value: str) -> float:
    seconds = float(value)
    if not 0 < seconds < 86_400:
        raise ValueError
    return seconds


def _read_switch(value: str) -> bool:
    switches = {"1": True, "true": True, "yes": True, "on": True}
    switches |= {"0": False, "false": False, "no": False, "off": False, "": False}
    return switches[value.strip().lower()]


def _read_zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value.strip())
    except OSError as error:  # "Europe" is a folder of zones, and none itself
        raise ValueError from error


def _read_secret(value: str) -> str:
    if value and len(value) < MIN_SECRET_CHARS:
        raise ValueError
    return value


def _read_contact(value: str) -> str:
    contact = value.strip()
    if contact and not contact.isprintable():
        raise ValueError
    if contact and not contact.startswith(("mailto:", "https://", "tel:")):
        raise ValueError
    return contact


def _read_names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _read_trusted_hosts(value: str) -> tuple[str, ...]:
    return tuple(map(_read_fitting(_TRUSTED_HOST), _read_names(value)))


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _read_networks(value: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in _read_names(value))


def _one_of(*choices: str) -> Callable[[str], str]:
    def read_choice(value: str) -> str:
        if value.strip().lower() not in choices:
            raise ValueError
        return value.strip().lower()

    return read_choice


def _setting(
    default: Any,
    read: Callable[[str], Any],
    expected: str,
    help_text: str,
    *,
    variable: str = "",
    minimum: int | None = None,
    secret: bool = False,
) -> Any:
    metadata = {
        "read": read,
        "expected": expected,
        "help": help_text,
        "variable": variable,
        "minimum": minimum,
        "secret": secret,
    }
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deployer can choose. Values are checked once, when they are read."""

    title: str = _setting("Viblog", _read_text, "text", "The blog's name.")
    description: str = _setting(
        "A blog that knows who is reading it.",
        _read_text,
        "text",
        "One sentence under the name, and for search engines.",
    )
    site_url: str = _setting(
        "",
        _read_fitting(_SITE_URL),
        "http(s)://host, no path",
        "The public address. Feeds, the sitemap, canonical links and cards are made from it, never"
        " from a request; without it there are none.",
    )
    language: str = _setting(
        "en",
        _read_fitting(LANGUAGE_TAG),
        "a tag such as de or pt-BR",
        "The language of the posts, and by it the direction of the pages, whose own words are"
        " English.",
    )
    time_zone: ZoneInfo = _setting(
        ZoneInfo("UTC"),
        _read_zone,
        "a name such as Europe/Berlin",
        "The time zone of a post's date that names none.",
    )
    secret_key: str = _setting(
        "",
        _read_secret,
        f"{MIN_SECRET_CHARS} characters or more",
        "Signs the links to previews of hidden posts; without it there are none.",
        secret=True,
    )
    posts_dir: Path = _setting(
        Path("posts"),
        _read_path,
        "a folder",
        "Where the posts are: every Markdown file, any depth.",
    )
    about_dir: Path = _setting(
        Path("about"), _read_path, "a folder", "The sections of the about page, one file each."
    )
    instance_dir: Path = _setting(
        Path("instance"),
        _read_path,
        "a folder",
        "What the running blog keeps for itself: the embedded Valkey's socket and log, the search"
        " index, the cards.",
    )
    posts_per_page: int = _setting(
        10, _read_whole, "a whole number", "Posts on one page of the index.", minimum=1
    )
    feed_posts: int = _setting(
        20, _read_whole, "a whole number", "Posts in a feed, the newest.", minimum=1
    )
    page_cache_megabytes: int = _setting(
        32,
        _read_whole,
        "a whole number",
        "Memory of each worker for finished pages, in MiB; 0 for none: `docs/pages.md`.",
        minimum=0,
    )
    security_contact: str = _setting(
        "",
        _read_contact,
        "mailto:…, https://… or tel:…",
        "Whom to tell of a weakness; it is published in `/.well-known/security.txt`.",
    )
    card_font: str = _setting(
        "",
        _read_text,
        "a font file",
        "The font of the cards, for titles in Chinese, Japanese or Korean; else it is FiraGO.",
    )
    smart_quotes: bool = _setting(
        False,
        _read_switch,
        "1 or 0",
        "Show straight quotes, `--` and `...` in posts as “curly” ones, – and ….",
    )
    host: str = _setting(
        "127.0.0.1",
        _read_host,
        "an address or a name, no port",
        "The address to listen on; `0.0.0.0` for all.",
    )
    port: int = _setting(
        8000, _read_port, "a port from 1 to 65535", "The port to listen on.", variable="PORT"
    )
    workers: int = _setting(
        2, _read_whole, "a whole number", "Worker processes.", variable="WEB_CONCURRENCY", minimum=1
    )
    proxy_hops: int = _setting(
        0,
        _read_whole,
        "a whole number",
        "Trusted proxies in front, whose X-Forwarded-* headers are believed.",
        minimum=0,
    )
    trusted_hosts: tuple[str, ...] = _setting(
        (), _read_trusted_hosts, "names, comma-separated", "Host names answered; empty for any."
    )
    redis_url: str = _setting(
        "",
        _read_text,
        SHORT,
        "Redis or Valkey 6.2 or newer, behind Sentinel, or a cluster: `docs/redis.md`. Empty starts"
        " the embedded Valkey.",
        secret=True,
    )
    redis_prefix: str = _setting(
        "{viblog}",
        _read_fitting(re.compile(r".+")),
        "text, not empty",
        "What every key and channel begins with; another one for each blog on one Redis.",
    )
    count: str = _setting(
        "tabs",
        _one_of("tabs", "readers"),
        "tabs or readers",
        "What is counted: every open tab, or distinct browsers.",
    )
    privacy_signal: str = _setting(
        "tab",
        _one_of("tab", "uncounted"),
        "tab or uncounted",
        "How a browser counts that asks for privacy (`Sec-GPC`, `DNT`): each tab by itself, without"
        " a cookie, or not at all.",
    )
    pause_hidden_tabs: bool = _setting(
        False,
        _read_switch,
        "1 or 0",
        "Do not count a tab while it is hidden.",
    )
    linger_seconds: float = _setting(
        1.0,
        _read_seconds,
        _SECONDS,
        "How long a closed tab still counts, so that following a link never makes the total dip.",
    )
    lease_seconds: float = _setting(
        15.0,
        _read_seconds,
        _SECONDS,
        "How long a worker's tabs count after its last sign of life.",
    )
    heartbeat_seconds: float = _setting(
        5.0, _read_seconds, _SECONDS, "How often a worker gives a sign of life, at least."
    )
    # nginx, Amazon's load balancer and Fly.io close what is silent for 60 s, Heroku for 55 s; a
    # ping is up to a second late.
    ping_seconds: float = _setting(
        50.0, _read_seconds, _SECONDS, "A comment is sent on a silent stream this often."
    )
    rotate_seconds: float = _setting(
        600.0, _read_seconds, _SECONDS, "A stream is asked to come back after this, ± 20 %."
    )
    stall_seconds: float = _setting(
        10.0,
        _read_seconds,
        _SECONDS,
        "A stream, or an answer, that takes nothing for this long is closed.",
    )
    pace_seconds: float = _setting(
        0.1, _read_seconds, _SECONDS, "The least time between two updates of one page."
    )
    max_streams: int = _setting(
        0,
        _read_whole,
        "a whole number",
        "Open streams in one worker; 0 for as many as the limit of open files allows.",
        minimum=0,
    )
    max_streams_per_address: int = _setting(
        200,
        _read_whole,
        "a whole number",
        "Open streams of one address (IPv6: of one /64) in all workers of this host.",
        minimum=1,
    )
    max_opens_per_address: int = _setting(
        1000,
        _read_whole,
        "a whole number",
        "Streams that one address may open in a minute, beside tabs that come back; 0 for any"
        " number.",
        minimum=0,
    )
    max_streams_per_reader: int = _setting(
        4,
        _read_whole,
        "a whole number",
        "Open streams of one browser; the oldest is parked until its tab gets the focus.",
        minimum=1,
    )
    transport: str = _setting(
        "auto",
        _one_of("auto", "generator"),
        "auto or generator",
        "How streams are sent: `auto` takes sockets over from gunicorn where it can, `generator`"
        " leaves every one to the WSGI server.",
    )
    dev: bool = _setting(
        False,
        _read_switch,
        "1 or 0",
        "For writing, as `make dev` has it: open pages follow what is saved and show what is to be"
        " mended, and drafts can be seen. Not for a blog that others can reach.",
    )
    log_level: str = _setting(
        "info",
        _one_of("debug", "info", "warning", "error"),
        "debug, info, warning or error",
        "What is logged.",
    )
    log_format: str = _setting(
        "text",
        _one_of("text", "json"),
        "text or json",
        "How a line of the log is written: for people, or one JSON object for machines.",
    )
    metrics: tuple[Network, ...] = _setting(
        (),
        _read_networks,
        "addresses or networks, comma-separated",
        "Who gets `/metrics`, asking without a proxy in between; `docs/watch.md`. Empty: nobody.",
    )
    metrics_token: str = _setting(
        "",
        _read_secret,
        f"{MIN_SECRET_CHARS} characters or more",
        "Who sends it as a bearer token gets `/metrics` from anywhere.",
        secret=True,
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting from environment variables.

        Raises `SettingsError` with a line for each variable that cannot be used, and for each
        `BLOG_*` variable that is no setting (a typing mistake would else go unnoticed).
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for spec in dataclasses.fields(cls):
            variable = variable_name(spec)
            raw = environ.get(variable)
            if raw is None:
                continue
            try:
                value = spec.metadata["read"](raw)
                minimum = spec.metadata["minimum"]
                if minimum is not None and value < minimum:
                    raise ValueError
            except (ValueError, KeyError):
                found = "an unusable value" if spec.metadata["secret"] else repr(raw)
                least = spec.metadata["minimum"]
                expected = spec.metadata["expected"] + (f" from {least}" if least else "")
                problems.append(f"{variable}: found {found}, expected {expected}")
            else:
                values[spec.name] = value
        known = {variable_name(spec) for spec in dataclasses.fields(cls)}
        problems += [
            f"{name}: no such setting; {_suggest(name, known)}"
            for name in sorted(environ)
            if name.startswith("BLOG_") and name not in known
        ]
        settings = cls(**values)
        problems += _contradictions(settings)
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def is_measured(self) -> bool:
        """Tell whether anybody may get the metrics."""
        return bool(self.metrics or self.metrics_token)

    @property
    def running_redis_url(self) -> str:
        """The address for a command: the embedded Valkey's, if it is there; "" if nothing is."""
        socket_path = embedded_socket(self.instance_dir)
        return self.redis_url or (f"unix://{socket_path}" if socket_path.exists() else "")

    @classmethod
    def from_process(cls) -> Self:
        """Read every setting from this process's environment."""
        return cls.from_environ(os.environ)


def variable_name(spec: dataclasses.Field[Any]) -> str:
    """Name the environment variable of a field of `Settings`."""
    return str(spec.metadata["variable"]) or f"BLOG_{spec.name.upper()}"


def describe_settings() -> Iterable[tuple[str, str, str, str]]:
    """Yield variable, default, what is expected, and meaning of every setting."""
    for spec in dataclasses.fields(Settings):
        default = spec.default
        if isinstance(default, bool):
            shown = "1" if default else "0"
        elif isinstance(default, tuple):
            shown = ",".join(map(str, default))
        elif isinstance(default, float):
            shown = f"{default:g}"
        else:
            shown = str(default)
        yield variable_name(spec), shown, spec.metadata["expected"], spec.metadata["help"]


def _suggest(name: str, known: Iterable[str]) -> str:
    names = {other.removeprefix("BLOG_"): other for other in sorted(known)}
    close = get_close_matches(name.removeprefix("BLOG_"), names, 1)
    return f"do you mean {names[close[0]]}?" if close else "docs/settings.md has them all"


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.lease_seconds < 2 * settings.heartbeat_seconds:
        problems.append(
            f"BLOG_LEASE_SECONDS: found {settings.lease_seconds:g} with BLOG_HEARTBEAT_SECONDS "
            f"{settings.heartbeat_seconds:g}; the lease must be at least twice the heartbeat"
        )
    if problem := settings.redis_url and find_problem(settings.redis_url):
        problems.append(f"BLOG_REDIS_URL: {problem}")
    if needs_tag(settings.redis_url) and not has_tag(settings.redis_prefix):
        problems.append(
            f"BLOG_REDIS_PREFIX: found {settings.redis_prefix!r} with a cluster in BLOG_REDIS_URL, "
            "expected a {tag} in it, which keeps all keys on one node"
        )
    return problems


def main() -> None:
    """Check this process's settings, before gunicorn starts: it reads WEB_CONCURRENCY itself."""
    try:
        Settings.from_process()
    except SettingsError as error:
        sys.exit("\n".join(["The blog cannot start:", *error.problems]))


if __name__ == "__main__":
    main()
