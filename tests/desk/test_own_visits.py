"""A browser that the author marked is known by its cookie, and by no other."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Response

from blog.desk.keys import DeskClosedError
from blog.desk.own_visits import OwnVisits

KEY = "k" * 32


def mark(visits: OwnVisits, **how: Any) -> str:
    response = Response()
    visits.mark(response, **{"base_path": "", "is_marked": True, "is_secure": False, **how})
    return response.headers["Set-Cookie"]


def has(visits: OwnVisits, cookies: str) -> bool:
    return visits.has({"HTTP_COOKIE": cookies})


@pytest.mark.parametrize(
    ("how", "name", "attributes"),
    [
        ({}, "viblog_own", "HttpOnly; Path=/; SameSite=Lax"),
        ({"base_path": "/notes"}, "viblog_own", "HttpOnly; Path=/notes; SameSite=Lax"),
        ({"is_secure": True}, "__Host-viblog_own", "Secure; HttpOnly; Path=/; SameSite=Lax"),
        (
            {"is_secure": True, "base_path": "/notes"},
            "__Secure-viblog_own",
            "Secure; HttpOnly; Path=/notes; SameSite=Lax",
        ),
    ],
)
def test_a_marked_browser_is_known_beside_its_other_cookies(how, name, attributes):
    visits = OwnVisits(lambda: KEY)
    cookie = mark(visits, **how)
    said = cookie.partition(";")[0]
    assert said.startswith(f"{name}=own.")
    assert cookie.endswith(attributes)
    assert "Max-Age=34560000" in cookie
    assert has(visits, said)
    assert has(visits, f"viblog_reader=x; {said}; other=y")
    assert has(visits, f"{name}=own.AAAA; viblog_own=own; {said}")  # what others set comes first
    assert not has(OwnVisits(lambda: "another" * 5), said)
    assert "Max-Age=0" in mark(visits, is_marked=False, **how)


@pytest.mark.parametrize(
    "cookies", ["", "viblog_reader=x", "viblog_own=", "viblog_own=own", "viblog_own=own.AAAA"]
)
def test_nobody_else_is(cookies):
    assert not has(OwnVisits(lambda: KEY), cookies)
    assert not OwnVisits(lambda: KEY).has({})


def test_without_a_key_nobody_is_marked():
    def find() -> str:
        raise DeskClosedError("no key")

    cookie = mark(OwnVisits(lambda: KEY)).partition(";")[0]
    assert not has(OwnVisits(find), cookie)
    assert not has(OwnVisits(find), "")
