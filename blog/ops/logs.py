"""Logging: one form for every process, and no person's address in it."""

from __future__ import annotations

import logging
import re
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

FORMAT = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
DATE_FORMAT = "[%Y-%m-%d %H:%M:%S %z]"

# gunicorn names the client in "Invalid request from ip=…"; an address is nobody's business.
_ADDRESS = re.compile(r"\bip=\S+?(?=:\s|\s|$)")


class AddressFilter(logging.Filter):
    """Take clients' addresses out of every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record that holds an address; keep them all."""
        text = record.getMessage()
        if "ip=" in text:
            record.msg, record.args = _ADDRESS.sub("ip=(not logged)", text), ()
        return True


class GunicornLogger(Logger):
    """gunicorn's error log without addresses, with the blog's own records in it."""

    def setup(self, cfg: Config) -> None:
        """Set up after gunicorn has."""
        super().setup(cfg)
        handlers = list(self.error_log.handlers)
        for handler in handlers:
            handler.addFilter(AddressFilter())
        blog_log = logging.getLogger("blog")
        blog_log.handlers[:] = handlers
        blog_log.setLevel(self.error_log.level)
        blog_log.propagate = False


def set_up_logging(level: str) -> dict[str, Any]:
    """Return gunicorn's settings for its logs: errors to stderr, no access log."""
    return {"loglevel": level, "logger_class": GunicornLogger, "accesslog": None, "errorlog": "-"}
