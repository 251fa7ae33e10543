"""Logging: one form for every process, for people or as JSON, and nothing of a person in it.

Everybody logs through the standard library; fields beside the message are passed as `extra`.
gunicorn's own lines have the same form.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

# gunicorn names the client in "Invalid request from ip=…: Invalid HTTP Header: '…'", and repeats
# what it said: an address is nobody's business, and a header may hold a cookie.
_INVALID = re.compile(r"(Invalid request) from ip=\S*[^\s:](: [^:'\"\r\n]+)?.*", re.DOTALL)
# Anybody who has the link to a preview, or to the desk, can open it.
_TOKEN = re.compile(r"(/preview/|/desk/link/)[^\s'\"]+")
# What a line of text shows as it is; all else is quoted, so that no line can be forged.
_PLAIN = re.compile(r"[^\s\"'=\\\x00-\x1f\x7f-\xa0\u2028\u2029]+")

# What every record has; a record's other attributes came as `extra`.
_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}


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
        for name in ("blog", "flask_presence"):
            own_log = logging.getLogger(name)
            own_log.handlers[:] = handlers
            own_log.setLevel(self.error_log.level)
            own_log.propagate = False

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
    """Return a formatter that writes lines of text, or one JSON object for each record."""
    return JsonFormatter() if log_format == "json" else TextFormatter()


class TextFormatter(logging.Formatter):
    """`[time] [pid] [LEVEL] message field=value`, then the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text. Values are quoted, so that none can forge a line or a field."""
        fields = "".join(f" {name}={_quote(value)}" for name, value in _read_extra(record).items())
        line = (
            f"{_read_time(record):[%Y-%m-%d %H:%M:%S %z]} [{record.process}] [{record.levelname}]"
            f" {record.getMessage()}{fields}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object: time, level, message, pid, logger, the fields, and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON in one line."""
        fields = {
            "time": _read_time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "pid": record.process,
            "logger": record.name,
        }
        for name, value in _read_extra(record).items():
            fields.setdefault(name, value)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


def _read_extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _read_time(record: logging.LogRecord) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(record.created).astimezone()


def _quote(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else repr(text)
