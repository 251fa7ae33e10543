"""What a request tells of who asks for a stream."""

from __future__ import annotations

import pytest

from flask_presence.web.request_signals import is_crawler


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/130",
        "Mozilla/5.0 (compatible; Baiduspider/2.0)",
        "facebookexternalhit/1.1",
        "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Chrome-Lighthouse",
        "Mozilla/5.0 (compatible; archive.org_bot)",
        "Mozilla/5.0 AppleWebKit/537.36; compatible; GPTBot/1.2",
    ],
)
def test_an_agent_that_calls_itself_a_crawler_is_one(agent):
    assert is_crawler({"HTTP_USER_AGENT": agent})


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; CUBOT X20) AppleWebKit/537.36 Chrome/130 Mobile",
    ],
)
def test_a_readers_agent_is_none(agent):
    assert not is_crawler({"HTTP_USER_AGENT": agent})
