"""Settings: read once, checked once, and every mistake said in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blog.config import Settings, SettingsError
from flask_presence.redis_address import EXAMPLES, RedisAddress
from flask_presence.streams.hub import KEEP_SECONDS
from flask_presence.tracking import connect


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(environ)
    return caught.value.problems


def test_every_setting_has_a_default():
    settings = Settings.from_environ({})
    assert (settings.port, settings.workers, settings.count) == (8000, 2, "tabs")


def test_a_silent_stream_is_pinged_before_any_usual_proxy_closes_it():
    """Heroku's is the least patient: 55 s. The hub checks every KEEP_SECONDS."""
    assert Settings().ping_seconds + KEEP_SECONDS < 55


def test_settings_are_read_from_their_variables():
    settings = Settings.from_environ(
        {"PORT": "8123", "WEB_CONCURRENCY": "4", "BLOG_COUNT": "readers", "BLOG_POSTS_DIR": "p"}
    )
    assert (settings.port, settings.workers, settings.count) == (8123, 4, "readers")
    assert settings.posts_dir == Path("p")


@pytest.mark.parametrize(
    ("text", "read"), [("", ""), ("#B32", "#bb3322"), (" #b3261E ", "#b3261e")]
)
def test_an_accent_has_six_digits(text, read):
    assert Settings.from_environ({"BLOG_ACCENT": text}).accent == read


def test_files_that_are_not_there_are_said_in_one_line_each():
    end = "expected a file that is there"
    asked = {"BLOG_ICON": "none.svg", "BLOG_LOGO": "a/none.png", "BLOG_CARD_FONT": "x.ttf"}
    assert problems_of(**asked) == [
        f"BLOG_ICON: found no static/none.svg, {end}",
        f"BLOG_LOGO: found no static/a/none.png, {end}",
        "BLOG_CARD_FONT: found no x.ttf, expected a font file that is there",
    ]
    assert Settings.from_environ({"BLOG_LOGO": "favicon.svg"}).logo == "favicon.svg"


@pytest.mark.parametrize("text", ["red", "b3261e", "#b3261", "#b3261e80"])
def test_an_accent_that_is_no_colour_is_said_in_one_line(text):
    (problem,) = problems_of(BLOG_ACCENT=text)
    assert problem == (
        f"BLOG_ACCENT: found {text!r}, expected a colour such as #b3261e, or nothing"
    )


def test_every_unusable_value_has_its_line():
    assert problems_of(PORT="http", BLOG_COUNT="people") == [
        "PORT: found 'http', expected a port from 1 to 65535",
        "BLOG_COUNT: found 'people', expected tabs or readers",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("BLOG_TITEL", "do you mean BLOG_TITLE?"),
        ("BLOG_POST_DIR", "do you mean BLOG_POSTS_DIR?"),
        ("BLOG_PORT", "do you mean PORT?"),
        ("BLOG_WEATHER", "docs/settings.md has them all"),
    ],
)
def test_a_misspelt_setting_is_not_passed_over(name, hint):
    assert problems_of(**{name: "x"}) == [f"{name}: no such setting; {hint}"]


def test_hosts_of_other_sites_are_https_origins():
    read = Settings.from_environ({"BLOG_SCRIPT_HOSTS": "https://Stats.example/, https://b.c:8443"})
    assert read.script_hosts == ("https://stats.example", "https://b.c:8443")


@pytest.mark.parametrize(
    "value",
    [
        "stats.example",
        "http://stats.example",
        "https://stats.example/js",
        "https://*.example",
        "https:",
        "*",
        "'unsafe-inline'",
        "https://a.example; script-src *",
        "https://a.example https://b.example",
        "https://ä.example",
    ],
)
@pytest.mark.parametrize("name", ["BLOG_SCRIPT_HOSTS", "BLOG_FORM_HOSTS", "BLOG_FRAME_HOSTS"])
def test_nothing_else_gets_into_the_security_policy(name, value):
    assert problems_of(**{name: value}) == [
        f"{name}: found {value!r}, expected https:// and a host, no path, comma-separated"
    ]


@pytest.mark.parametrize(
    "value", ["A = javascript:alert(1)", "A = //evil.example", "A = /b rel=nofollow", "a b", "= /a"]
)
def test_a_menu_has_pages_and_addresses_only(value):
    (problem,) = problems_of(BLOG_MENU=value)
    assert problem.startswith(f"BLOG_MENU: found {value!r}, expected posts, tags, archive, search,")


def test_a_lease_under_twice_the_heartbeat_names_both():
    assert problems_of(BLOG_LEASE_SECONDS="6", BLOG_HEARTBEAT_SECONDS="5") == [
        "BLOG_LEASE_SECONDS: found 6 with BLOG_HEARTBEAT_SECONDS 5; "
        "the lease must be at least twice the heartbeat"
    ]


SECRETS = ("secret", "s3", "cr3t")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("localhost:6379", "no scheme"),
        ("secret@redis://localhost", "no scheme"),
        ("http://localhost", "the scheme 'http'"),
        ("redis+sentinels://localhost", "the scheme 'redis+sentinels'"),
        ("redis://", "no host after redis://"),
        ("redis://:secret@", "no host after redis://"),
        ("redis://:secret@/0", "no host after redis://"),
        ("rediss+cluster://:secret@", "no host after rediss+cluster://"),
        ("redis://localhost:port", "a host or port that cannot be read"),
        ("redis://localhost:0", "a host or port that cannot be read"),
        ("redis://localhost:65536", "a host or port that cannot be read"),
        ("redis://local host", "a host or port that cannot be read"),
        ("redis://[::1", "a host or port that cannot be read"),
        ("redis+cluster://one:7000,,two:7000", "a host or port that cannot be read"),
        ("redis+cluster://one:7000,two:x", "a host or port that cannot be read"),
        ("redis://" + 64 * "a", "a host that cannot be a name"),
        ("redis://one:6379,two:6379", "several hosts"),
        ("redis://localhost/blog", "a database that is no number"),
        ("redis+sentinel://one:26379", "no service after the hosts"),
        ("redis+sentinel://one:26379/", "no service after the hosts"),
        ("redis+sentinel://one:26379//1", "no service after the hosts"),
        ("redis+sentinel://one:26379/blog/first", "a database that is no number"),
        (
            "redis+cluster://one:7000/1",
            "something after the hosts; a cluster has no service and one database",
        ),
        ("unix://", "no path after unix://"),
        ("unix://run/valkey.sock", "a host after unix://"),
        (
            "redis://:s3/cr3t@localhost",
            "a / or ? in the user or the password, which are written %2F and %3F",
        ),
        (
            "redis+sentinel://u:s3?cr3t@localhost/blog",
            "a / or ? in the user or the password, which are written %2F and %3F",
        ),
        ("redis://:s3#cr3t@localhost", "a # in it, which is written %23"),
        ("redis://localhost?socket_timeout=9", "an option that is none of db"),
        ("redis+cluster://one?secret=1", "an option that is none of those of this form"),
        ("redis://localhost?secret", "options that cannot be read, as name=value&name=value"),
        ("rediss://localhost?ssl_cert_reqs=maybe", "an unusable value of ssl_cert_reqs"),
    ],
)
def test_a_redis_address_that_cannot_be_used_is_named_without_its_password(url, found):
    (problem,) = problems_of(BLOG_REDIS_URL=url)
    assert problem.startswith(f"BLOG_REDIS_URL: found {found}, expected ")
    assert "\n" not in problem
    assert not any(secret in problem for secret in SECRETS)


def test_what_was_expected_is_an_example_of_the_form_that_was_meant():
    assert problems_of(BLOG_REDIS_URL="redis+sentinel://localhost") == [
        "BLOG_REDIS_URL: found no service after the hosts, "
        "expected redis+sentinel://host:26379,host:26379/service"
    ]
    assert problems_of(BLOG_REDIS_URL="http://localhost") == [
        "BLOG_REDIS_URL: found the scheme 'http', "
        "expected redis://, redis+sentinel://, redis+cluster://, each also rediss, or unix://"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://user:s%2Fcr%40t@localhost:6379/15",
        "redis://:se@cret@[::1]:6379",
        "rediss://localhost/0?ssl_ca_certs=/etc/ssl/ca.pem&ssl_check_hostname=false",
        "unix:///run/valkey@1.sock?db=1",
        "redis+sentinel://one,two:26380,[::1]:26379/blog",
        "rediss+sentinel://u:p@one/blog/1?sentinel_username=v&sentinel_password=q&ssl_cert_reqs=none",
        "redis+cluster://one:7000",
        "redis+cluster://u:p@one:7000,two:7001,three",
        "rediss+cluster://one:7000?ssl_certfile=a&ssl_keyfile=b",
    ],
)
def test_a_redis_address_of_each_form_can_be_connected_to(url):
    assert Settings.from_environ({"BLOG_REDIS_URL": url}).redis_url == url
    connect(url).close()


def test_the_examples_of_the_forms_are_right_themselves():
    for scheme, example in EXAMPLES.items():
        assert RedisAddress.parse(example).scheme == scheme


def test_keys_that_a_cluster_would_spread_are_refused():
    cluster = {"BLOG_REDIS_URL": "redis+cluster://one:7000"}
    for prefix in ("blog", "{}blog", "}blog{", "{blog"):
        assert problems_of(BLOG_REDIS_PREFIX=prefix, **cluster) == [
            f"BLOG_REDIS_PREFIX: found {prefix!r} with a cluster in BLOG_REDIS_URL, "
            "expected a {tag} in it, which keeps all keys on one node"
        ]
    broken = problems_of(BLOG_REDIS_PREFIX="blog", BLOG_REDIS_URL="redis+cluster://")
    assert [problem.partition(":")[0] for problem in broken] == [
        "BLOG_REDIS_URL",
        "BLOG_REDIS_PREFIX",
    ]
    for prefix in ("{blog}", "my-{blog}-2:"):
        assert Settings.from_environ({"BLOG_REDIS_PREFIX": prefix, **cluster})


@pytest.mark.parametrize(
    "url",
    [
        *("blog.example", "ftp://blog.example", "https://blog.example/a//b", "https://"),
        *("https://blog.example?a=1", "https://blog.example#a", "https://[", "https://a b"),
        *("https://blog.example/..", "https://blog.example/./a"),
    ],
)
def test_a_site_address_has_a_scheme_and_at_most_a_path(url):
    (problem,) = problems_of(BLOG_SITE_URL=url)
    assert problem == (
        f"BLOG_SITE_URL: found {url!r}, expected http(s)://host or http(s)://host/path"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://blog.example/",
        "http://localhost:8000",
        "http://[::1]:8000",
        "HTTPS://É.example",
    ],
)
def test_a_site_address_of_each_form_is_taken(url):
    assert Settings.from_environ({"BLOG_SITE_URL": url}).site_url == url


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("BLOG_TRUSTED_HOSTS", "https://blog.example", "names, comma-separated"),
        ("BLOG_TRUSTED_HOSTS", "blog.example, a b", "names, comma-separated"),
        ("BLOG_TRUSTED_HOSTS", "blog.example/", "names, comma-separated"),
        (
            "BLOG_LANGUAGE",
            "german",
            "a tag such as ar, de, en, es, fr, he, ja, pl, pt, ru, zh or pt-BR",
        ),
        *(
            (
                "BLOG_WORDS",
                value,
                "a table of English texts and yours, as `docs/languages.md` has it",
            )
            for value in ("[1]", "[" * 100_000, '{"Now": "\\ud800"}')
        ),
        (
            "BLOG_LANGUAGE",
            "English, please",
            "a tag such as ar, de, en, es, fr, he, ja, pl, pt, ru, zh or pt-BR",
        ),
        ("BLOG_LANGUAGE", "", "a tag such as ar, de, en, es, fr, he, ja, pl, pt, ru, zh or pt-BR"),
        ("BLOG_HOST", "not an address", "an address or a name, no port"),
        ("BLOG_HOST", "http://localhost", "an address or a name, no port"),
        ("BLOG_HOST", "localhost:8000", "an address or a name, no port"),
        ("BLOG_HOST", "", "an address or a name, no port"),
        ("BLOG_REDIS_PREFIX", "", "text, not empty"),
        ("BLOG_REDIS_PREFIX", " ", "text, not empty"),
        ("BLOG_LINGER_SECONDS", "0", "seconds, more than 0, less than 86400"),
        ("BLOG_LINGER_SECONDS", "86400", "seconds, more than 0, less than 86400"),
        ("PORT", "0", "a port from 1 to 65535"),
        ("PORT", "65536", "a port from 1 to 65535"),
        ("BLOG_PROXY_HOPS", "-1", "a whole number from 0"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(variable, value, expected):
    assert problems_of(**{variable: value}) == [f"{variable}: found {value!r}, expected {expected}"]


def test_names_and_addresses_of_each_form_are_taken():
    names = "blog.example,.blog.example,localhost:8000,192.0.2.1,bücher.example,my_host"
    settings = Settings.from_environ({"BLOG_TRUSTED_HOSTS": names})
    assert settings.trusted_hosts == tuple(names.split(","))
    for host in ("0.0.0.0", "::", "fe80::1%eth0", "localhost", "blog-1.example"):
        assert Settings.from_environ({"BLOG_HOST": host}).host == host


def test_a_machine_without_a_database_of_time_zones_knows_them_all_the_same():
    """As in a slim container. A process of its own: zones are kept once they were read."""
    program = "from blog.config import Settings; print(Settings.from_process().time_zone)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONTZPATH": "", "BLOG_TIME_ZONE": "Europe/Berlin"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "Europe/Berlin\n")


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        (b"BLOG_TITLE=x\nBLOG TITLE = \n", ".env, line 2: found something else than NAME=value"),
        (b"\xff", ".env: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_a_file_of_secrets_that_cannot_be_read_is_one_line(tmp_path, secrets, said):
    (tmp_path / "viblog.toml").touch()
    (tmp_path / ".env").write_bytes(secrets)
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({}, tmp_path)
    assert caught.value.problems == [said]


@pytest.mark.parametrize(
    ("url", "origin", "base_path"),
    [
        ("", "", ""),
        ("https://blog.example/", "https://blog.example", ""),
        ("https://example.org/blog", "https://example.org", "/blog"),
        ("http://localhost:8000/a/b-c/", "http://localhost:8000", "/a/b-c"),
    ],
)
def test_a_site_address_may_have_the_path_that_the_blog_is_below(url, origin, base_path):
    settings = Settings.from_environ({"BLOG_SITE_URL": url})
    assert (settings.origin, settings.base_path) == (origin, base_path)


def test_hosts_of_other_sites_are_a_list_in_the_settings_file(tmp_path):
    hosts = 'frame_hosts = ["https://a.example", "https://b.example"]\n'
    (tmp_path / "viblog.toml").write_text(hosts + 'form_hosts = ["https://a.example/x"]\n')
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({}, tmp_path)
    assert caught.value.problems == [
        "viblog.toml, form_hosts: found 'https://a.example/x', expected https:// and a host, no"
        " path, comma-separated"
    ]
    (tmp_path / "viblog.toml").write_text(hosts)
    assert Settings.from_environ({}, tmp_path).frame_hosts == (
        "https://a.example",
        "https://b.example",
    )
