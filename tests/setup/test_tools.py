"""What `make tools` does where a tool is missing. The programs it calls are little scripts."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.setup import tools


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the PATH one empty folder, as of a user who may not install anything."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in (
        "CHROMIUM",
        "JAVA",
        "REDIS_SERVER",
        "LIBFAKETIME",
        "IP",
        "NGINX",
        "CADDY",
        "NODE",
        "POSTGRES",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(tools, "SYSTEM", tmp_path / "usr")
    monkeypatch.setattr(tools, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(tools, "REDIS_SERVER", tmp_path / "cache" / "redis-server")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def put_program(path: Path, name: str, script: str = "exit 0") -> None:
    (path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (path / name).chmod(0o755)


def put_apt_get(path: Path) -> None:
    """Put an apt-get that logs how it is called and, on `install`, makes what was missing."""
    made = " ".join(
        f"printf '#!/bin/sh\\n' > '{path}/{name}'; /bin/chmod +x '{path}/{name}';"
        for name in (
            "chromium",
            "java",
            "redis-check-rdb",
            "ip",
            "nginx",
            "caddy",
            "node",
            "postgres",
        )
    )
    library = path / "usr" / "lib" / "x86_64-linux-gnu" / "faketime" / "libfaketime.so.1"
    made += f" /bin/mkdir -p '{library.parent}'; printf '' > '{library}';"
    put_program(path, "apt-get", f'echo "$@" >> "{path}/log"; [ "$2" = update ] || {{ {made} }}')
    put_program(path, "env", 'shift; exec "$@"')


PACKAGES = (
    "chromium default-jre-headless redis-tools libfaketime iproute2 nginx caddy nodejs postgresql"
)
APT_CALLS = f"-qq update\n-qq install --yes --no-install-recommends {PACKAGES}\n"


def test_root_installs_what_is_missing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, the missing programs are installed as Debian's packages."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    put_apt_get(path)
    tools.install_programs(tools.ALL_PROGRAMS)
    assert (path / "log").read_text() == APT_CALLS
    assert tools.find_chromium() == str(path / "chromium")
    assert tools.find_java() == str(path / "java")
    assert Path(tools.find_redis_server()).resolve() == path / "redis-check-rdb"
    assert tools.find_libfaketime().startswith(f"{path}/usr/lib/")
    assert tools.find_nginx() == str(path / "nginx")
    assert tools.find_caddy() == str(path / "caddy")
    assert tools.find_postgres() == str(path / "postgres")


def test_passwordless_sudo_installs_what_is_missing(path: Path) -> None:
    """A user whose sudo asks no password installs through it."""
    put_apt_get(path)
    put_program(path, "true")
    put_program(path, "sudo", '[ "$1" = -n ] && shift && exec "$@"')
    tools.install_programs(tools.ALL_PROGRAMS)
    assert (path / "log").read_text() == APT_CALLS


def test_make_test_needs_only_chromium(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java, Redis, nginx and the others are for `make test-all`, and so is the package of npm's."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    fetched: list[str] = []
    monkeypatch.setattr(tools, "fetch", lambda pin, folder: fetched.append(pin["package"]))
    monkeypatch.setattr(tools, "AXE_JS", tools.CACHE / "axe-core" / "axe.min.js")
    tools.AXE_JS.parent.mkdir(parents=True)
    tools.AXE_JS.touch()
    put_apt_get(path)
    tools.install("test")
    installed = (path / "log").read_text().splitlines()[1]
    assert installed.endswith("--no-install-recommends chromium")
    assert fetched == ["axe-core"]


def test_what_the_deploy_tests_need_is_installed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is missing, and with Debian's names for it."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    put_apt_get(path)
    for name in ("nsenter", "openssl", "git", "runc"):
        put_program(path, name)
    tools.install("deploy")
    installed = (path / "log").read_text().splitlines()[1]
    assert installed.endswith("--no-install-recommends mmdebstrap systemd-container podman")


def test_sudo_with_a_password_is_not_used(path: Path) -> None:
    """A user whose sudo asks for a password is told the command, and nothing is installed."""
    put_apt_get(path)
    put_program(path, "sudo", "exit 1")
    with pytest.raises(tools.MissingToolError, match=f"sudo apt-get install {PACKAGES}"):
        tools.install_programs(tools.ALL_PROGRAMS)
    assert not (path / "log").exists()


def test_a_system_without_apt_get_is_told_what_to_install(path: Path) -> None:
    """Where there is no apt-get, the message names what is missing."""
    put_program(path, "java")
    put_program(path, "redis-server")
    missing = "chromium, libfaketime, iproute2, nginx, caddy, nodejs, postgresql"
    with pytest.raises(tools.MissingToolError, match=rf"Missing: {missing} \(.*no apt-get.*NODE"):
        tools.install_programs(tools.ALL_PROGRAMS)


def test_a_failing_install_shows_what_apt_get_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When apt-get fails, its own words are in the message."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    put_apt_get(path)
    put_program(path, "apt-get", "echo 'no space left'; exit 100")
    with pytest.raises(tools.MissingToolError, match="failed:\nno space left"):
        tools.install_programs(tools.ALL_PROGRAMS)


def test_a_wrong_variable_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CHROMIUM naming no program is an error, and not mended by installing another."""
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    put_apt_get(path)
    with pytest.raises(tools.MissingToolError, match="CHROMIUM=/no/such/browser is not a program"):
        tools.install_programs(tools.ALL_PROGRAMS)
    assert not (path / "log").exists()


def test_a_program_named_by_a_variable_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a system has them elsewhere, and no apt-get, variables name them."""
    named = {
        "CHROMIUM": "chrome",
        "JAVA": "jre",
        "REDIS_SERVER": "redis-7",
        "LIBFAKETIME": "lib.so",
        "IP": "ip-6",
        "NGINX": "nginx-1",
        "CADDY": "caddy-1",
        "NODE": "node-1",
        "POSTGRES": "postgres-15",
    }
    for variable, name in named.items():
        put_program(path, name)
        monkeypatch.setenv(variable, str(path / name))
    tools.install_programs(tools.ALL_PROGRAMS)
    assert tools.find_redis_server() == str(path / "redis-7")
    assert tools.find_libfaketime() == str(path / "lib.so")
    assert tools.find_nginx() == str(path / "nginx-1")


def test_redis_that_is_there_already_is_used(path: Path) -> None:
    """No link is made, and nothing installed, where the system has redis-server."""
    for name in ("chromium", "java", "redis-server", "redis-check-rdb"):
        put_program(path, name)
    tools.link_redis_server()
    assert tools.find_redis_server() == str(path / "redis-server")
    assert not tools.REDIS_SERVER.exists()


def test_a_changed_pin_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An npm package counts as fetched only with the pin it was fetched by."""
    fetched: list[str] = []
    monkeypatch.setattr(tools, "fetch", lambda pin, folder: fetched.append(pin["version"]))
    pin = {"package": "axe-core", "version": "1.0.0", "integrity": "sha512-AAAA"}
    for version in ("1.0.0", "1.0.0", "1.0.1"):
        tools.fetch_once({**pin, "version": version}, tmp_path)
    assert fetched == ["1.0.0", "1.0.1"]


def test_lighthouse_comes_with_all_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each package where Node looks for it, outer ones first, and the lock names no address."""
    fetched: dict[str, str] = {}

    def note(pin: dict[str, str], folder: Path) -> None:
        fetched[str(folder.relative_to(tmp_path))] = pin["package"]
        folder.mkdir(parents=True)  # fails where a package comes before the one that it is in

    monkeypatch.setattr(tools, "CACHE", tmp_path)
    monkeypatch.setattr(tools, "fetch", note)
    tools.fetch_lighthouse()
    assert fetched["lighthouse/node_modules/lighthouse"] == "lighthouse"
    assert fetched["lighthouse/node_modules/@sentry/core"] == "@sentry/core"
    assert len(fetched) > 100
    assert "resolved" not in tools.LIGHTHOUSE_LOCK.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_by_hash_and_name_no_address(name: str) -> None:
    """Each requirement has an exact version and a SHA-256; no option and no address is in it."""
    text = (tools.ROOT / name).read_text(encoding="utf-8")
    lines = re.sub(r" *#.*", "", text).replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line.strip()]
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.fullmatch(
            r"[a-z0-9-]+(\[[a-z,]+\])?==\S+( ;[^\\]+?)?( +--hash=sha256:[0-9a-f]{64})+ *",
            requirement,
        ), requirement
    assert "://" not in text


def test_htmx_is_where_the_templates_load_it() -> None:
    """The build put htmx and its SSE extension where /static/ serves them."""
    dist = tools.ROOT / "static" / "vendor" / "htmx.org" / "dist"
    assert (dist / "htmx.min.js").stat().st_size > 10_000
    assert (dist / "ext" / "hx-sse.min.js").stat().st_size > 1_000
