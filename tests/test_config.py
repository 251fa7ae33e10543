"""Settings: read once, checked once, and every mistake said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.config import Settings, SettingsError


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(environ)
    return caught.value.problems


def test_every_setting_has_a_default():
    settings = Settings.from_environ({})
    assert (settings.port, settings.workers, settings.count) == (8000, 2, "tabs")


def test_settings_are_read_from_their_variables():
    settings = Settings.from_environ(
        {"PORT": "8123", "WEB_CONCURRENCY": "4", "BLOG_COUNT": "readers", "BLOG_POSTS_DIR": "p"}
    )
    assert (settings.port, settings.workers, settings.count) == (8123, 4, "readers")
    assert settings.posts_dir == Path("p")


def test_every_unusable_value_has_its_line():
    assert problems_of(PORT="http", BLOG_COUNT="people") == [
        "PORT: found 'http', expected a port from 1",
        "BLOG_COUNT: found 'people', expected tabs or readers",
    ]


def test_a_misspelt_setting_is_not_passed_over():
    assert problems_of(BLOG_POST_DIR="x") == [
        "BLOG_POST_DIR: no such setting; the README has the list of settings"
    ]


def test_a_lease_under_twice_the_heartbeat_names_both():
    assert problems_of(BLOG_LEASE_SECONDS="6", BLOG_HEARTBEAT_SECONDS="5") == [
        "BLOG_LEASE_SECONDS: found 6 with BLOG_HEARTBEAT_SECONDS 5; "
        "the lease must be at least twice the heartbeat"
    ]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("localhost:6379", "no scheme"),
        ("http://localhost", "the scheme 'http'"),
        ("redis://:secret@", "no host after redis://"),
        ("redis://localhost:port", "a host or port that cannot be read"),
        ("unix://", "no path after unix://"),
        ("redis://localhost/blog", "a database that is no number"),
    ],
)
def test_a_redis_address_that_cannot_be_read_is_named_without_its_password(url, found):
    (problem,) = problems_of(BLOG_REDIS_URL=url)
    assert problem.startswith(f"BLOG_REDIS_URL: found {found}, expected ")
    assert "secret" not in problem


@pytest.mark.parametrize("url", ["blog.example", "ftp://blog.example", "https://blog.example/a"])
def test_a_site_address_has_a_scheme_and_no_path(url):
    (problem,) = problems_of(BLOG_SITE_URL=url)
    assert problem == f"BLOG_SITE_URL: found {url!r}, expected http(s)://host, no path"
