"""What opens the desk is signed, ends, and is a link or a cookie but never both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from blog.desk.passes import COOKIE_SALT, LINK_SALT, Pass, read, sign

KEY, NOW = "k" * 32, 1_800_000_000
MADE = Pass("id", "epoch", NOW + 600)


def test_a_pass_is_read_as_it_was_signed_until_it_ends():
    text = sign(KEY, LINK_SALT, MADE)
    assert read(KEY, LINK_SALT, text, NOW) == MADE
    assert read(KEY, LINK_SALT, text, NOW + 599.9) == MADE
    assert read(KEY, LINK_SALT, text, NOW + 600) is None
    assert read(KEY, COOKIE_SALT, text, NOW) is None
    assert read("other" * 8, LINK_SALT, text, NOW) is None
    assert read("", LINK_SALT, text, NOW) is None


def test_nothing_is_signed_without_a_key():
    with pytest.raises(ValueError, match="a key"):
        sign("", LINK_SALT, MADE)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_whatever_else_is_said_opens_nothing(text):
    assert read(KEY, LINK_SALT, text, NOW) is None


@pytest.mark.parametrize(
    "said",
    [
        *([], ["id", "epoch"], "id", {"id": 1}, None, ["id", "epoch", "9"], ["id", "epoch", True]),
        *(["id", 7, NOW + 9], ["../x", "epoch", NOW + 9], ["id", "epoch", 1e99], ["", "", NOW + 9]),
    ],
)
def test_what_is_signed_and_no_pass_opens_nothing(said):
    text = URLSafeSerializer(KEY, salt=LINK_SALT).dumps(said)
    assert read(KEY, LINK_SALT, text, NOW) is None


def test_two_passes_are_never_alike():
    assert Pass.make("epoch", NOW, 9).id != Pass.make("epoch", NOW, 9).id
