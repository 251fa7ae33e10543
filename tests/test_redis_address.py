"""How each form of a Redis address is read; `test_config` has the refused ones."""

from __future__ import annotations

import pytest

from flask_presence.redis_address import RedisAddress

NOWHERE = {
    "hosts": (),
    "name": "",
    "database": 0,
    "username": None,
    "password": None,
    "options": {},
}


@pytest.mark.parametrize(
    ("url", "scheme", "read"),
    [
        ("redis://one", "redis", {"hosts": (("one", 6379),)}),
        ("redis://one/15/", "redis", {"hosts": (("one", 6379),), "database": 15}),
        ("redis://one/1?db=2", "redis", {"hosts": (("one", 6379),), "database": 2}),
        ("redis://ann@one", "redis", {"hosts": (("one", 6379),), "username": "ann"}),
        (
            "redis://a%3An:se%2Fc:r@t@[::1]:7000",
            "redis",
            {"hosts": (("::1", 7000),), "username": "a:n", "password": "se/c:r@t"},
        ),
        (
            "unix://:pw@/run/my%20valkey@1.sock?db=3",
            "unix",
            {"name": "/run/my valkey@1.sock", "database": 3, "password": "pw"},
        ),
        (
            "redis+sentinel://u:p@one,two:26380/my%2Fblog//1?sentinel_password=p%26q",
            "redis+sentinel",
            {
                "hosts": (("one", 26379), ("two", 26380)),
                "name": "my/blog",
                "database": 1,
                "username": "u",
                "password": "p",
                "options": {"sentinel_password": "p&q"},
            },
        ),
        (
            "rediss+cluster://one,two:7000?ssl_ca_certs=/a%20b.pem&ssl_ca_certs=/c.pem",
            "rediss+cluster",
            {"hosts": (("one", 6379), ("two", 7000)), "options": {"ssl_ca_certs": "/a b.pem"}},
        ),
    ],
)
def test_each_form_is_read(url, scheme, read):
    assert RedisAddress.parse(url) == RedisAddress(scheme=scheme, **(NOWHERE | read))


def test_no_password_is_shown():
    address = RedisAddress.parse("redis+sentinel://u:hunter2@one/blog?sentinel_password=hunter2")
    assert "hunter2" not in repr(address)
