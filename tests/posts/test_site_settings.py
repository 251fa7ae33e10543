"""The settings that only the posts need: the site's time zone and the key of the previews."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from blog.config import Settings, SettingsError


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(environ)
    return caught.value.problems


def test_the_time_zone_is_a_name_of_the_zone_database():
    assert Settings.from_environ({}).time_zone == ZoneInfo("UTC")
    settings = Settings.from_environ({"BLOG_TIME_ZONE": "Europe/Berlin"})
    assert settings.time_zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("name", ["Mars/Olympus", "Europe", "", "../etc/passwd", "CET+1 x"])
def test_another_time_zone_is_refused(name: str):
    assert problems_of(BLOG_TIME_ZONE=name) == [
        f"BLOG_TIME_ZONE: found {name!r}, expected a name such as Europe/Berlin"
    ]


def test_a_short_secret_is_refused_and_never_shown():
    (problem,) = problems_of(BLOG_SECRET_KEY="tell nobody")
    assert problem == ("BLOG_SECRET_KEY: found an unusable value, expected 32 characters or more")
    settings = Settings.from_environ({"BLOG_SECRET_KEY": "0123456789abcdef" * 2})
    assert "0123456789abcdef" not in repr(settings)
