"""Where readers came from, and what of that is counted."""

from __future__ import annotations

import pytest

from blog.history.sources import OTHERS, Names, is_load, read_campaign, read_host

VOUCHED = {
    "HTTP_SEC_FETCH_SITE": "cross-site",
    "HTTP_SEC_FETCH_MODE": "navigate",
    "HTTP_SEC_FETCH_DEST": "document",
    "HTTP_SEC_FETCH_USER": "?1",
    "HTTP_USER_AGENT": "Mozilla/5.0",
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("utm_source=news", "news"),
        ("utm_source=news&utm_campaign=may", "news / may"),
        ("utm_campaign=may", "may"),
        ("q=a+search&ref=friend", "friend"),
        ("ref=friend&utm_source=news", "news"),
        ("utm_source=Gr%C3%BC%C3%9Fe%20%20aus", "Grüße aus"),
        ("utm_source=" + "x" * 10_000, "x" * 64),
        ("utm_source=<b>x</b>&utm_campaign=%22onload=%22", '<b>x</b> / "onload="'),
        ("ref=a%0d%0ab%00%E2%80%AEc", "a b c"),
        ("ref=https%3A%2F%2Fexample.org%2Fpath%3Fq%3D1", "example.org"),
        ("utm_source=ada%40example.org", None),
        ("utm_source=%20", None),
        ("q=utm_source", None),
        ("xref=friend", None),
        ("utm_source=", None),
        ("&".join(f"ref={number}" for number in range(1_000)), None),
        ("", None),
    ],
)
def test_a_campaign_is_one_short_line_of_three_fields_only(query, expected):
    environ = {"HTTP_HX_CURRENT_URL": f"https://blog.example/blog/a?{query}#ref=anchor"}
    assert read_campaign(environ) == expected


@pytest.mark.parametrize("header", ["HTTP_LAST_EVENT_ID", "HTTP_SEC_GPC", "HTTP_DNT"])
def test_who_comes_back_or_asks_for_privacy_has_no_campaign(header):
    environ = {"HTTP_HX_CURRENT_URL": "https://blog.example/?ref=x", header: "1"}
    assert read_campaign(environ) is None


@pytest.mark.parametrize(
    ("referer", "expected"),
    [
        ("https://example.org/path?q=secret", "example.org"),
        ("https://WWW.Example.org.:8080/", "example.org"),
        ("http://ada:secret@news.example.org/", "news.example.org"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("https://198.51.100.77/", None),
        ("https://[2001:db8::1]/", None),
        ("https://[broken/", None),
        ("https://localhost/", None),
        ("android-app://org.example.app/", None),
        ("https://" + "x" * 60 + ".example.org/", None),
        ("<script>", None),
        ("", None),
    ],
)
def test_of_a_link_only_the_host_is_read(referer, expected):
    assert read_host({**VOUCHED, "HTTP_REFERER": referer}) == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"HTTP_SEC_FETCH_SITE": "same-origin"},
        {"HTTP_SEC_FETCH_MODE": "no-cors"},
        {"HTTP_SEC_FETCH_DEST": "iframe"},
        {"HTTP_SEC_FETCH_USER": ""},
        {"HTTP_SEC_GPC": "1"},
        {"HTTP_USER_AGENT": "SomeBot/1.0"},
    ],
)
def test_only_a_persons_click_that_the_browser_vouches_for_has_a_host(changed):
    environ = {**VOUCHED, "HTTP_REFERER": "https://example.org/"}
    assert read_host(environ) == "example.org"
    assert read_host({**environ, **changed}) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HTTP_SEC_FETCH_MODE": "navigate"}, True),
        ({"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_PURPOSE": "prefetch"}, False),
        ({"HTTP_SEC_FETCH_MODE": "no-cors"}, False),
        ({"HTTP_USER_AGENT": "Mozilla/5.0"}, True),
        ({"HTTP_USER_AGENT": "SomeBot/1.0"}, False),
        ({"REQUEST_METHOD": "HEAD"}, False),
    ],
)
def test_a_load_is_a_page_to_be_shown_now(environ, expected):
    assert is_load({"REQUEST_METHOD": "GET", **environ}) is expected


def test_of_a_thousand_names_a_day_the_first_are_kept_and_the_rest_are_others():
    names = Names()
    folded = [names.fold(1, f"{number}.example") for number in range(1_000)]
    assert folded[:500] == [f"{number}.example" for number in range(500)]
    assert set(folded[500:]) == {OTHERS}
    assert names.fold(1, "7.example") == "7.example"
    assert names.fold(2, "new.example") == "new.example"
