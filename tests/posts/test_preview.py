"""Links to hidden posts: signed, for one post, for a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from itsdangerous import URLSafeSerializer

from blog.posts.preview import preview_path, read_preview, sign_preview

SECRET = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2
NOW = datetime(2026, 5, 1, tzinfo=UTC)
END = NOW + timedelta(days=7)


def test_a_link_shows_its_post_until_it_ends():
    token = sign_preview(SECRET, "hello", END)
    assert read_preview(SECRET, token, NOW) == ("hello", END)
    assert read_preview(SECRET, token, END - timedelta(seconds=1)) == ("hello", END)
    assert read_preview(SECRET, token, END) is None


def test_a_link_is_one_segment_of_an_address():
    path = preview_path(sign_preview(SECRET, "v0.10.0_~x", END))
    assert path.startswith("/preview/")
    assert path.count("/") == 2
    assert set("?#%& ").isdisjoint(path)


@pytest.mark.parametrize("token", ["", "x", "x.y", "é.é", "." * 1000, "a" * 10_000, "\x00", "IiI."])
def test_what_nobody_signed_shows_nothing(token: str):
    assert read_preview(SECRET, token, NOW) is None


def test_a_changed_link_shows_nothing():
    token = sign_preview(SECRET, "hello", END)
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
               for at in range(len(token) - 1)]  # fmt: skip
    assert [read_preview(SECRET, other, NOW) for other in changed] == [None] * len(changed)


def test_another_key_and_another_use_of_the_key_sign_nothing_here():
    assert read_preview(SECRET, sign_preview(OTHER, "hello", END), NOW) is None
    session = URLSafeSerializer(SECRET, salt="session").dumps(["hello", END.timestamp()])
    assert read_preview(SECRET, str(session), NOW) is None


def test_without_a_secret_nothing_is_signed_and_nothing_believed():
    with pytest.raises(ValueError, match="needs a secret"):
        sign_preview("", "hello", END)
    forged = URLSafeSerializer("", salt="viblog.preview").dumps(["hello", END.timestamp()])
    assert read_preview("", str(forged), NOW) is None
