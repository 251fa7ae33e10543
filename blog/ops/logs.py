"""Logging: one form for every process, for people or as JSON, and nothing of a person in it.

Everybody logs through the standard library; what is said beside the message is in `extra`.
structlog writes it, gunicorn's own lines as well.
"""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from gunicorn.config import Config
from gunicorn.glogging import Logger
from structlog.stdlib import ProcessorFormatter

# gunicorn names the client in "Invalid request from ip=…: Invalid HTTP Header: '…'", and repeats
# what it said: an address is nobody's business, and a header may hold a cookie.
_INVALID = re.compile(r"(Invalid request) from ip=\S*[^\s:](: [^:'\"\r\n]+)?.*", re.DOTALL)
# Who has the link to a preview can open it.
_TOKEN = re.compile(r"(/preview/)[^\s'\"]+")
# What a line of text shows as it is; all else is quoted, so that no line can be forged.
_PLAIN = re.compile(r"[^\s\"'=\\\x00-\x1f\x7f-\xa0\u2028\u2029]+")

Event = MutableMapping[str, Any]


class PrivacyFilter(logging.Filter):
    """Take clients' addresses, and what opens a preview, out of every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record that holds one of these; keep them all."""
        text = record.getMessage()
        if (hidden := _hide(text)) != text:
            record.msg, record.args = hidden, ()
        return True


def _hide(text: str) -> str:
    text = _INVALID.sub(r"\1\2", text)
    return _TOKEN.sub(r"\1(not logged)", text)


class GunicornLogger(Logger):
    """gunicorn's logs without addresses, with the blog's own records in its error log."""

    log_format = "text"

    def setup(self, cfg: Config) -> None:
        """Set up after gunicorn has."""
        super().setup(cfg)
        handlers = list(self.error_log.handlers)
        for handler in [*handlers, *self.access_log.handlers]:
            handler.addFilter(PrivacyFilter())
            handler.setFormatter(make_formatter(self.log_format))
        blog_log = logging.getLogger("blog")
        blog_log.handlers[:] = handlers
        blog_log.setLevel(self.error_log.level)
        blog_log.propagate = False

    def access(self, resp: Any, req: Any, environ: Any, request_time: datetime.timedelta) -> None:
        """Log a request, where a deployer wants that: neither who asked, nor for which words."""
        if self.access_log_enabled:
            self.access_log.info(
                "request",
                extra={
                    "method": environ.get("REQUEST_METHOD"),
                    "path": _hide(environ.get("PATH_INFO", "")),
                    "status": int(str(resp.status).partition(" ")[0]),
                    "bytes": getattr(resp, "sent", None),
                    "seconds": round(request_time.total_seconds(), 6),
                },
            )


class GunicornJsonLogger(GunicornLogger):
    """The same, as JSON."""

    log_format = "json"


def set_up_logging(level: str, log_format: str) -> dict[str, Any]:
    """Return gunicorn's settings for its logs: errors to stderr, no access log."""
    logger = GunicornJsonLogger if log_format == "json" else GunicornLogger
    return {"loglevel": level, "logger_class": logger, "accesslog": None, "errorlog": "-"}


def make_formatter(log_format: str) -> logging.Formatter:
    """Return what writes a record as a line of text, or as a JSON object in one line."""
    write: list[Any] = [_write_text]
    if log_format == "json":
        write = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _add_origin],
        processors=[ProcessorFormatter.remove_processors_meta, *write],
    )


def _add_origin(logger: Any, method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    moment = datetime.datetime.fromtimestamp(record.created).astimezone()
    origin = {
        "time": moment.isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "message": event.pop("event"),
        "pid": record.process,
        "logger": record.name,
    }
    said = {name: value for name, value in event.items() if name not in origin}
    return {**origin, **said}


def _write_text(logger: Any, method: str, event: Event) -> str:
    moment = datetime.datetime.fromisoformat(event.pop("time"))
    level, pid, message = event.pop("level").upper(), event.pop("pid"), event.pop("message")
    del event["logger"]
    raised = event.pop("exc_info", None)
    fields = "".join(f" {name}={_quote(value)}" for name, value in event.items())
    line = f"{moment:[%Y-%m-%d %H:%M:%S %z]} [{pid}] [{level}] {message}{fields}"
    if raised:
        line += "\n" + logging.Formatter().formatException(raised)
    return line


def _quote(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else repr(text)
