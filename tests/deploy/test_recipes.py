"""The files in `deploy/` agree with the blog, and with each other."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from blog.config import Settings
from tests.ports import reserve_port
from tests.site import Site

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# The longest that a stop takes: gunicorn's grace, twice in a reload, and the Valkey's.
STOP_SECONDS = 25


def read_env_file() -> dict[str, str]:
    lines = (DEPLOY / "viblog.env").read_text("utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: value.strip('"') for name, value in pairs}


def read_compose() -> dict[str, Any]:
    """Read the services as Compose does, with what `.env.example` has."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    said = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    text = (ROOT / "compose.yaml").read_text("utf-8")
    text = re.sub(r"\$\{(\w+)(:[?-][^}]*)?\}", lambda found: said[found[1]], text)
    return dict(yaml.safe_load(text)["services"])


def read_fly() -> dict[str, Any]:
    return tomllib.loads((DEPLOY / "fly.toml").read_text("utf-8"))


def test_the_commands_get_what_the_service_has():
    unit, command = ((DEPLOY / name).read_text("utf-8") for name in ("viblog.service", "viblog"))
    for setting in ("EnvironmentFile=", "LimitNOFILE=", "WorkingDirectory=", "BLOG_INSTANCE_DIR="):
        (value,) = re.findall(rf"{setting}(\S+)", unit)
        assert value in command, setting


def test_the_commands_may_do_what_the_service_may(tmp_path: Path) -> None:
    """What `deploy/viblog` asks systemd for is all that the unit has from its user on."""
    runner = tmp_path / "systemd-run"
    runner.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    runner.chmod(0o755)
    unit = DEPLOY / "viblog.service"
    command = (DEPLOY / "viblog").read_text("utf-8")
    command = command.replace("/etc/systemd/system/viblog.service", str(unit))
    said = subprocess.run(
        ["sh", "-c", command, "viblog", "x y"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert said[-1] == "x y"
    section = unit.read_text("utf-8").partition("\nDynamicUser=")[2].partition("\n[Install]")[0]
    rules = [line for line in f"DynamicUser={section}".splitlines() if line and line[0] != "#"]
    assert len(rules) > 30
    assert [f"--property={rule}" for rule in rules] == [
        arg for arg in said if arg.removeprefix("--property=") in rules
    ]
    for rule in ("User=viblog", "CapabilityBoundingSet=", "SystemCallFilter=~@privileged"):
        assert rule in rules


@pytest.mark.parametrize(
    ("environ", "hops"),
    [
        (read_env_file(), 1),
        (read_compose()["blog"]["environment"], 1),
        (read_fly()["env"], 2),
    ],
    ids=["viblog.env", "compose.yaml", "fly.toml"],
)
def test_the_settings_make_sense_and_say_what_a_site_behind_a_proxy_needs(
    environ: dict[str, str], hops: int
) -> None:
    settings = Settings.from_environ(environ)
    assert settings.proxy_hops == hops
    assert settings.site_url == f"https://{settings.trusted_hosts[0]}"
    # Over one HTTP/2 connection nginx answers 128 requests at once.
    assert 12 <= settings.max_streams_per_reader <= 128 - 16
    assert settings.workers == 2


def test_what_is_the_authors_lies_outside_the_clone() -> None:
    """`git pull` would put deleted samples back."""
    settings = Settings.from_environ(read_env_file())
    document = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for folder in (settings.posts_dir, settings.pages_dir):
        assert not folder.is_relative_to("/opt/viblog")
        assert f"cp --recursive posts pages {folder.parent}/\n" in document


def test_every_way_to_run_it_waits_for_the_slowest_stop() -> None:
    unit = (DEPLOY / "viblog.service").read_text("utf-8")
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found
    assert int(found[1]) > STOP_SECONDS
    assert int(read_fly()["kill_timeout"].rstrip("s")) > STOP_SECONDS
    assert int(read_compose()["blog"]["stop_grace_period"].rstrip("s")) > STOP_SECONDS


def test_compose_publishes_the_proxy_only_and_mounts_what_is_there() -> None:
    services = read_compose()
    assert services["caddy"]["ports"] == ["80:80", "443:443"]
    assert "ports" not in services["blog"]
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        mounts = [mount.split(":") for mount in service["volumes"]]
        own = [(source, mode) for source, _, *mode in mounts if source.startswith("./")]
        assert all((ROOT / source).exists() and mode == ["ro"] for source, mode in own)
    build = services["blog"]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()
    assert services["caddy"]["environment"] == {"DOMAIN": "blog.example", "BLOG": "blog:8000"}
    caddyfile = (DEPLOY / "Caddyfile").read_text("utf-8")
    assert caddyfile.count("{$BLOG:127.0.0.1:8000}") == 2
    assert "\n{$DOMAIN:blog.example} {\n" in caddyfile


def test_the_procfile_starts_the_blog_on_the_port_that_the_platform_gives(tmp_path: Path) -> None:
    command = (ROOT / "Procfile").read_text("utf-8").removeprefix("web: ")
    port = reserve_port()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "PORT": str(port), "BLOG_INSTANCE_DIR": str(tmp_path)}
    process = subprocess.Popen(["sh", "-c", command], cwd=ROOT, env=environ)
    try:
        deadline = time.monotonic() + 20
        while not is_ready(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        everywhere = f"00000000:{port:04X}"
        assert everywhere in Path("/proc/net/tcp").read_text("ascii")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def is_ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
    except OSError:
        return False
    return True


def test_the_image_is_as_the_unit_and_fly_expect_it() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    port = read_fly()["http_service"]["internal_port"]
    assert f"EXPOSE {port}\n" in dockerfile
    copied = re.findall(r"^!(.*)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.M)
    assert all((ROOT / name).exists() for name in copied)


def test_behind_fly_the_reader_is_who_fly_says_it_is() -> None:
    """Its proxy adds the reader's address and the app's own to what a reader has claimed."""
    log = "--logger-class gunicorn.glogging.Logger"  # the blog's own log has no address
    log += " --access-logfile - --access-logformat 'seen %(h)s'"
    environ = read_fly()["env"] | {"GUNICORN_CMD_ARGS": log, "BLOG_TRUSTED_HOSTS": "127.0.0.1"}
    forwarded = (
        "Host: 127.0.0.1\r\nConnection: close\r\nX-Forwarded-Proto: https\r\n"
        "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 66.241.125.180\r\n\r\n"
    )
    with Site(workers=1, environ=environ | {"WEB_CONCURRENCY": "1"}) as site:
        assert "; Secure;" in ask(site, f"GET /live?page=index HTTP/1.1\r\n{forwarded}")
        assert "200 OK" in ask(site, f"GET /blog HTTP/1.1\r\n{forwarded}")
        site.wait(lambda: "seen 198.51.100.7" in site.read_whole_log(), "it is logged")
        assert "203.0.113.9" not in site.read_whole_log()


def ask(site: Site, request: str) -> str:
    """Send a request; return the beginning of the answer."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
        sock.sendall(request.encode())
        return sock.recv(65536).decode()


@pytest.mark.parametrize(
    ("name", "places"),
    [
        (
            "nginx.conf",
            ["location ~ ^/notes/(desk/)?live$ {", "    location /notes {\n        proxy_pass"],
        ),
        (
            "Caddyfile",
            [
                "@live path /notes/live /notes/desk/live\n",
                "\thandle /notes* {\n\t\tencode",
                "\t\thandle {\n",
            ],
        ),
    ],
)
def test_the_recipe_for_a_path_changes_what_it_is_for(
    tmp_path: Path, name: str, places: list[str]
) -> None:
    document = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    below = document.split("## Below a path")[1].split("\n## ")[0]
    commands = re.findall(r"^\$ (sed .*) (\S+)$", below, re.MULTILINE)
    (command,) = (command for command, path in commands if ("nginx" in path) == ("nginx" in name))
    changed = tmp_path / name
    changed.write_text((DEPLOY / name).read_text("utf-8"))
    subprocess.run(["sh", "-c", f"{command} {changed}"], check=True)
    text = changed.read_text("utf-8")
    assert all(place in text for place in places)
    assert "location / {" not in text
