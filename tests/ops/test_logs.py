"""What a line of the log says, in either form, and what is in none."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from blog.ops.logs import PrivacyFilter, make_formatter
from tests.server.open_stream import OpenStream
from tests.site import Site


def write(log_format: str, message: str, *args: object, level: int = logging.INFO, **extra: Any):
    record = logging.getLogger("blog.x").makeRecord(
        "blog.x", level, __file__, 1, message, args, extra.pop("exc_info", None), extra=extra
    )
    record.created, record.process = 1_795_500_000.25, 42
    PrivacyFilter().filter(record)
    return make_formatter(log_format).format(record)


def test_a_line_of_text_has_the_form_that_gunicorn_has():
    line = write("text", "streams: %s opened", "one", page="blog/a", open=7)
    assert line.endswith(" [42] [INFO] streams: one opened page=blog/a open=7")
    assert line.startswith("[2026-11-24 ")


def test_a_line_of_json_has_every_field():
    said = json.loads(write("json", "streams: %s opened", "one", page="blog/ä", open=7))
    assert said.pop("time").startswith("2026-11-24T")
    assert said == {
        "level": "info",
        "message": "streams: one opened",
        "pid": 42,
        "logger": "blog.x",
        "page": "blog/ä",
        "open": 7,
    }


@pytest.mark.parametrize("value", ["a b", "a\n[1] [ERROR] forged", "a\u2028b", "a=b", ""])
def test_no_value_can_forge_a_line_or_a_field(value):
    line = write("text", "request", path=value)
    assert line.endswith(f"request path={value!r}")
    assert len(line.splitlines()) == 1
    assert len(write("json", "request", path=value).split("\n")) == 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_exception_is_told_whole_without_the_values_of_variables(log_format):
    password = "hunter2"
    try:
        int("x" + password[:0])
    except ValueError:
        line = write(log_format, "it failed", exc_info=sys.exc_info())
    assert "Traceback (most recent call last)" in line
    assert "ValueError: invalid literal" in line
    assert password not in line
    if log_format == "json":
        assert json.loads(line)["message"] == "it failed"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_neither_an_address_nor_what_opens_a_preview_is_written(log_format):
    line = write(log_format, "Invalid request from ip=%s: bad", "192.0.2.7")
    assert "Invalid request: bad" in line
    assert "192.0.2.7" not in line
    line = write(log_format, "Exception on /preview/eyJh.Xy-z_1 [GET]")
    assert "/preview/(not logged) [GET]" in line


def test_the_whole_blog_logs_json_and_knows_nobody():
    environ = {
        "BLOG_LOG_FORMAT": "json",
        "BLOG_LOG_LEVEL": "debug",
        "GUNICORN_CMD_ARGS": "--access-logfile -",
    }
    headers = {"User-Agent": "Elsewhere/1", "Referer": "http://elsewhere.example/"}
    with Site(workers=2, environ=environ) as site:
        for path in ("/search?q=my-words", "/preview/my-token", "/blog/a%0Ab"):
            request = urllib.request.Request(site.url + path, headers=headers)
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request):
                pass
        with OpenStream(site, headers="Cookie: viblog_reader=" + "c" * 22 + "\r\n") as stream:
            stream.read_until("readers online" if site.total() > 1 else "reader online")
        site.wait(lambda: "one ended" in site.read_whole_log(), "the stream's end is logged")
        lines = site.read_whole_log().splitlines()
    said = [json.loads(line) for line in lines]
    assert {"time", "level", "message", "pid", "logger"} <= said[-1].keys()
    opened = [one for one in said if one["message"] == "streams: one opened"]
    ended = [one for one in said if one["message"] == "streams: one ended"]
    assert [(one["page"], one["open"], one["level"]) for one in opened] == [("index", 1, "debug")]
    assert [(one["page"], one["open"], one["ending"]) for one in ended] == [("index", 0, "closed")]
    asked = {one["path"]: one for one in said if one["message"] == "request"}
    assert {"/search", "/preview/(not logged)", "/blog/a\nb"} <= asked.keys()
    assert asked["/search"].keys() >= {"method", "status", "bytes", "seconds"}
    # The first line is gunicorn's own configuration, of no request.
    text = "\n".join(line for line in lines if "Current configuration" not in line)
    told = ["Elsewhere", "elsewhere.example", "my-words", "my-token", "c" * 22]
    assert not [word for word in told if word in text]
    assert not [one for one in said if "127.0.0.1" in str(one.get("path", ""))]


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (
            "Invalid request from ip=2001:db8::1: Invalid HTTP Header: 'Cookie\\t: a'",
            "Invalid request: Invalid HTTP Header",
        ),
        (
            "Invalid request from ip=192.0.2.1: Error parsing\n'x'",
            "Invalid request: Error parsing",
        ),
        ("Invalid request from ip=192.0.2.1: 'x'", "Invalid request"),
        ("posts: skip=1", "posts: skip=1"),
    ],
)
def test_neither_an_address_nor_what_it_sent_is_logged(said, logged):
    record = logging.LogRecord("x", logging.WARNING, "", 0, said, (), None)
    assert PrivacyFilter().filter(record)
    assert record.getMessage() == logged
