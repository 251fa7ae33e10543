"""Get the tools that the tests need and pip cannot install, or say what is missing.

`make tools` runs this file for all of them, `make test` for the few that it needs, and
`make test-deploy` for its own; tests import the `find_…` functions and the paths of the files.
Debian's packages are installed only where that is allowed without asking: as root or with a
passwordless sudo. A missing tool is a failure, never a reason to skip a test.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
VNU_JAR = CACHE / "vnu-jar" / "build" / "dist" / "vnu.jar"
AXE_JS = CACHE / "axe-core" / "axe.min.js"
LIGHTHOUSE = CACHE / "lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
# Written by `npm install --package-lock-only`; read here, so that Node is enough, without its npm.
LIGHTHOUSE_LOCK = ROOT / "tests" / "setup" / "lighthouse" / "package-lock.json"
REDIS_SERVER = CACHE / "redis-server"
SYSTEM = Path("/usr")

FETCH_TIMEOUT_SECONDS = 60
FETCH_ATTEMPTS = 3
FETCHES_AT_A_TIME = 8


Program = tuple[Callable[[], str], str, str]


class MissingToolError(Exception):
    """A tool is not there; the message says which, why, and what to do."""


# How every test starts Chromium: as root, headless, and asking nothing of the network by itself.
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str:
    """Return the path of Chromium; the variable CHROMIUM names another than the system's."""
    return _find("Chromium", "CHROMIUM", ["chromium", "chromium-browser", "google-chrome"])


def find_java() -> str:
    """Return the path of a Java runtime, for the Nu Html Checker (`java -jar VNU_JAR`)."""
    return _find("Java", "JAVA", ["java"])


def find_redis_server() -> str:
    """Return the path of Redis itself, which the store is tested on beside Valkey."""
    return _find("Redis", "REDIS_SERVER", ["redis-server", str(REDIS_SERVER)])


def find_nginx() -> str:
    """Return the path of nginx, which is put before the blog as a deployer does it."""
    return _find("nginx", "NGINX", ["nginx", str(SYSTEM / "sbin" / "nginx")])


def find_caddy() -> str:
    """Return the path of Caddy, the other proxy that the docs have a recipe for."""
    return _find("Caddy", "CADDY", ["caddy"])


def find_node() -> str:
    """Return the path of Node, which Lighthouse runs on."""
    return _find("Node", "NODE", ["node", "nodejs"])


def find_libfaketime() -> str:
    """Return the path of the library that lies to a process about the time of day."""
    named = os.environ.get("LIBFAKETIME")
    # Where Debian has it, where others do, and where it is for who has built it.
    folders = ("lib/*/faketime", "lib*/faketime", "local/lib/faketime")
    found = [path for folder in folders for path in SYSTEM.glob(f"{folder}/libfaketime.so.1")]
    for place in [Path(named)] if named else found:
        if place.is_file():
            return str(place)
    raise MissingToolError(
        f"libfaketime is missing (looked for {named or f'libfaketime.so.1 in {SYSTEM}'}). "
        "Install it, set LIBFAKETIME to its path, or run `make tools`."
    )


def find_ip() -> str:
    """Return the path of ip(8), which makes the networks of the tests with several hosts."""
    return _find("ip", "IP", ["ip", str(SYSTEM / "sbin" / "ip")])


def find_postgres() -> str:
    """Return the path of PostgreSQL's server, which the store is tested on beside SQLite."""
    # Debian keeps those of each version in a folder of its own, and none on the PATH.
    kept = sorted(SYSTEM.glob("lib/postgresql/*/bin/postgres"))
    return _find("PostgreSQL", "POSTGRES", ["postgres", *map(str, kept[-1:])])


def _find(tool: str, variable: str, commands: list[str]) -> str:
    if named := os.environ.get(variable):
        if path := shutil.which(named):
            return path
        raise MissingToolError(f"{tool}: {variable}={named} is not a program. Correct or unset it.")
    for command in commands:
        if path := shutil.which(command):
            return path
    raise MissingToolError(
        f"{tool} is missing (looked for {', '.join(commands)} on the PATH). "
        f"Install it, set {variable} to its path, or run `make tools`."
    )


def install_debian_packages(packages: list[str]) -> None:
    """Install `packages` with apt-get, where that needs no password."""
    command = f"apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise MissingToolError(
            f"Missing: {', '.join(packages)} (Debian's names), and there is no apt-get to install "
            "them with. Install them your system's way; what is not found then is named by its "
            "path in CHROMIUM, JAVA, REDIS_SERVER, LIBFAKETIME, IP, NGINX, CADDY, NODE or POSTGRES."
        )
    prefix: list[str] = []
    if os.geteuid() != 0:
        prefix = ["sudo", "-n"]
        if shutil.which("sudo") is None or _run([*prefix, "true"]).returncode != 0:
            raise MissingToolError(
                f"Missing: {', '.join(packages)}, and installing needs root. "
                f"Run this, then try again: sudo {command}"
            )
    print(f"Installing Debian's {', '.join(packages)} (once)", flush=True)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = _run([*apt, *arguments])
        # A failing update may concern a package source that is not needed here: try to install.
        if done.returncode != 0 and arguments != ["update"]:
            raise MissingToolError(f"`{command}` failed:\n{done.stdout[-4000:].rstrip()}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def install_programs(programs: Iterable[Program]) -> None:
    """Make sure that these programs can be found."""
    missing = []
    for find, variable, package in programs:
        try:
            find()
        except MissingToolError:
            if os.environ.get(variable):  # named by hand, and wrong: installing would not mend it
                raise
            missing.append(package)
    if missing:
        install_debian_packages(missing)
    link_redis_server()
    for find, *_ in programs:
        find()


def link_redis_server() -> None:
    """Have the Redis of Debian's redis-tools be found, if there is no other.

    The package redis-server has no program of its own: it adds a link to redis-tools' one, which
    is a server when it is called so, and a system service that would start at once.
    """
    checker = shutil.which("redis-check-rdb")
    if checker and not shutil.which("redis-server") and not REDIS_SERVER.exists():
        CACHE.mkdir(exist_ok=True)
        REDIS_SERVER.unlink(missing_ok=True)  # a link to nothing
        REDIS_SERVER.symlink_to(checker)


# How each is found, the variable that names another, and the Debian package that has it.
CHROMIUM: Program = (find_chromium, "CHROMIUM", "chromium")
ALL_PROGRAMS = (
    CHROMIUM,
    (find_java, "JAVA", "default-jre-headless"),
    (find_redis_server, "REDIS_SERVER", "redis-tools"),
    (find_libfaketime, "LIBFAKETIME", "libfaketime"),
    (find_ip, "IP", "iproute2"),
    (find_nginx, "NGINX", "nginx"),
    (find_caddy, "CADDY", "caddy"),
    (find_node, "NODE", "nodejs"),
    (find_postgres, "POSTGRES", "postgresql"),
)

# `make test-deploy`: a command, and the Debian package that has it.
DEPLOY_PROGRAMS = (
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("nsenter", "util-linux"),
    ("openssl", "openssl"),
    ("git", "git"),
    ("podman", "podman"),
    ("runc", "runc"),
)


def install_deploy_programs() -> None:
    """Make sure that a Debian machine can be made and booted, and looked at with a browser."""
    missing = [package for command, package in DEPLOY_PROGRAMS if shutil.which(command) is None]
    if missing:
        install_debian_packages(missing)
    install_programs([CHROMIUM])


def fetch_npm_packages(*files: Path) -> None:
    """Fetch the npm packages of pyproject.toml's `tool.viblog.test-packages` that have the files.

    Each is kept in a folder of .cache/ that has its name.
    """
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for pin in pyproject["tool"]["viblog"]["test-packages"]:
        folder = CACHE / pin["package"]
        if any(path.is_relative_to(folder) for path in files):
            fetch_once(pin, folder)
    for path in files:
        if not path.is_file():
            raise MissingToolError(
                f"{path.relative_to(ROOT)} is not in its npm package: was the version changed in "
                "pyproject.toml? Correct the path in tests/setup/tools.py."
            )


def fetch_lighthouse() -> None:
    """Fetch Lighthouse and all that it needs, as package-lock.json pins them."""
    lock = json.loads(LIGHTHOUSE_LOCK.read_text(encoding="utf-8"))
    del lock["packages"][""]  # what asks for Lighthouse

    def fetch_locked(place: str) -> None:
        package = place.rpartition("node_modules/")[2]
        locked = lock["packages"][place]
        pin = {"package": package, **{key: locked[key] for key in ("version", "integrity")}}
        fetch_once(pin, CACHE / "lighthouse" / place)

    def depth(place: str) -> int:
        return place.count("node_modules/")

    with ThreadPoolExecutor(FETCHES_AT_A_TIME) as pool:
        # A package before those in its own node_modules: it would wipe them.
        for _, places in groupby(sorted(lock["packages"], key=depth), key=depth):
            list(pool.map(fetch_locked, places))


def fetch_once(pin: dict[str, str], folder: Path) -> None:
    """Fetch the package, if it is not in its folder, whole and as pinned: its mark is last."""
    mark = folder / ".pin.json"
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) == pin:
        return
    fetch(pin, folder)
    mark.write_text(json.dumps(pin), encoding="utf-8")


def fetch(pin: dict[str, str], folder: Path) -> None:
    # Imported here, so that tests can import this module where only find_*() is wanted.
    from hatch_npm_vendor.plugin import DEFAULT_REGISTRY
    from hatch_npm_vendor.vendor import vendor_package

    package, version, integrity = pin["package"], pin["version"], pin["integrity"]
    print(f"Fetching npm's {package} {version} (once)", flush=True)
    socket.setdefaulttimeout(FETCH_TIMEOUT_SECONDS)  # vendor_package() sets no limit of its own
    for attempt in range(1, FETCH_ATTEMPTS + 1):
        try:
            vendor_package(folder, package, version, integrity, registry=DEFAULT_REGISTRY)
            break
        except OSError as error:
            if attempt == FETCH_ATTEMPTS:
                raise MissingToolError(
                    f"npm's {package} {version} could not be fetched in {attempt} attempts: "
                    f"{error}. The first `make test` needs the network; try again."
                ) from error
            time.sleep(2**attempt)
        except RuntimeError as error:
            raise MissingToolError(
                f"npm's {package} {version} is not the file that is pinned ({error}). "
                "Do not use it before you know why."
            ) from error


def install(what: str) -> None:
    """Get what a target of make needs: "test", "all" or "deploy"."""
    match what:
        case "test":
            install_programs([CHROMIUM])
            fetch_npm_packages(AXE_JS)
        case "all":
            install_programs(ALL_PROGRAMS)
            fetch_npm_packages(AXE_JS, VNU_JAR)
            fetch_lighthouse()
        case "deploy":
            install_deploy_programs()
        case _:
            raise MissingToolError(f"found {what!r}, expected test, all or deploy")


if __name__ == "__main__":
    try:
        install("".join(sys.argv[1:]))
    except MissingToolError as error:
        sys.exit(f"make tools: {error}")
