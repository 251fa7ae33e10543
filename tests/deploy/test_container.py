"""The image: linted, really built and really run, without a Docker daemon.

podman builds it from the Dockerfile as it stands. For `python:3.13-slim`, which is on no registry
that can be reached, stands a Debian with the same Python, made here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.machine import OWN_AUTHORITIES, SUITE
from tests.ports import reserve_port

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
BASE = "python:3.13-slim"
HOST = "blog.example"
# What a Debian needs to be taken for the official image of Python.
MAKE_IT_A_PYTHON = """\
mkdir -p "$1"/usr/local/share/ca-certificates
cp {authorities}/*.crt "$1"/usr/local/share/ca-certificates/ 2> /dev/null || true
chroot "$1" update-ca-certificates
ln -s python3 "$1"/usr/bin/python
printf '[global]\\ncert = /etc/ssl/certs/ca-certificates.crt\\n' > "$1"/etc/pip.conf
"""


class Podman:
    """podman with images and containers of its own, all gone when it is closed."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vb-podman-", dir="/var/tmp")
        self._command = [
            "podman",
            f"--root={self._folder.name}/images",
            f"--runroot={self._folder.name}/run",
            # crun, its default, runs under one of the two kinds of control groups only.
            "--runtime=runc",
            "--cgroup-manager=cgroupfs",
        ]

    def run(self, *arguments: str) -> str:
        """Run one of its commands in the project's folder; return what it prints."""
        done = self._call(*arguments)
        said = f"{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, f"podman {' '.join(arguments)}\n{said[-4000:]}"
        return done.stdout.strip()

    def succeeds(self, *arguments: str) -> bool:
        """Tell whether one of its commands ends without a complaint."""
        return self._call(*arguments).returncode == 0

    def close(self) -> None:
        """Remove every container and image."""
        self._call("rm", "--all", "--force", "--time=0")
        self._call("rmi", "--all", "--force")
        self._folder.cleanup()

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Start with nothing but what stands for the base image."""
    podman = Podman()
    try:
        with tempfile.TemporaryDirectory(prefix="vb-base-", dir="/var/tmp") as folder:
            archive = f"{folder}/base.tar"
            hook = MAKE_IT_A_PYTHON.format(authorities=OWN_AUTHORITIES)
            packages = "--include=ca-certificates,python3-venv"
            command = ["mmdebstrap", "--quiet", "--variant=minbase", packages]
            subprocess.run(
                [*command, f"--customize-hook={hook}", SUITE, archive],
                capture_output=True,
                check=True,
            )
            podman.run("import", archive, BASE)
        yield podman
    finally:
        podman.close()


@pytest.fixture(scope="module")
def image(podman: Podman) -> str:
    """Build the image; a chroot takes the place of a container for each step."""
    ignored = f"--ignorefile={DOCKERFILE}.dockerignore"
    options = [
        "--pull=never",
        "--isolation=chroot",
        "--layers=false",
        "--network=host",
        "--format=docker",
    ]
    podman.run("build", *options, f"--file={DOCKERFILE}", ignored, "--tag=viblog", ".")
    return "localhost/viblog"


@pytest.fixture(scope="module")
def running(podman: Podman, image: str) -> Iterator[int]:
    """Run it as compose.yaml has it, with the embedded Valkey; return its port."""
    port = reserve_port()
    limits = ["--ulimit=nofile=10000", "--ulimit=nproc=4096:4096"]
    rights = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    settings = [f"--env=PORT={port}", f"--env=BLOG_TRUSTED_HOSTS={HOST},www.{HOST}"]
    podman.run(
        "run", "--detach", "--name=blog", "--network=host", *limits, *rights, *settings, image
    )
    deadline = time.monotonic() + 20
    while not answers(port):
        assert time.monotonic() < deadline, podman.run("logs", "blog")
        time.sleep(0.05)
    yield port
    podman.run("stop", "--time=20", "blog")
    assert podman.run("inspect", "--format={{.State.ExitCode}}", "blog") == "0"


def fetch(port: int, path: str = "/blog") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": HOST})
    with urllib.request.urlopen(request, timeout=10) as response:
        return str(response.read().decode())


def answers(port: int, path: str = "/blog") -> bool:
    try:
        fetch(port, path)
    except OSError:
        return False
    return True


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=f"{ROOT}/.venv/bin:{os.environ['PATH']}")
    assert hadolint, "hadolint is missing: `make test-deploy` installs it"
    done = subprocess.run(
        [hadolint, "--failure-threshold=info", str(DOCKERFILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_container_serves_as_a_user_without_rights(podman: Podman, running: int) -> None:
    assert "just you online" in fetch(running)
    assert "htmx" in fetch(running, "/static/vendor/htmx.org/dist/htmx.min.js")
    assert podman.run("exec", "blog", "id", "--user") == "10001"
    own = podman.run("exec", "blog", "find", "/opt", "-user", "viblog")
    assert own == ""
    capabilities = podman.run("exec", "blog", "grep", "CapEff", "/proc/1/status")
    assert capabilities.split() == ["CapEff:", "0000000000000000"]


def test_the_image_has_only_what_it_needs(podman: Podman, running: int) -> None:
    names = podman.run("exec", "blog", "ls", "-A", "/opt/viblog").split()
    assert "app.py" in names
    assert not {".git", "tests", "bench", "instance", ".cache", "deploy"} & set(names)
    assert podman.run("exec", "blog", "find", "/opt/viblog/posts", "-name", "*.md") != ""


def test_a_site_folder_becomes_an_image_as_the_document_has_it(
    podman: Podman, image: str, tmp_path: Path
) -> None:
    document = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    (tmp_path / "Dockerfile").write_text(document.split("```dockerfile\n")[1].split("```")[0])
    (tmp_path / ".dockerignore").write_text(".env\n")
    (tmp_path / ".env").write_text("BLOG_SECRET_KEY=" + "k" * 32)
    (tmp_path / "viblog.toml").write_text('title = "Night sky"\n')
    (tmp_path / "posts").mkdir()
    options = ["--pull=never", "--isolation=chroot", "--layers=false", "--format=docker"]
    podman.run("build", *options, "--tag=site", str(tmp_path))
    port = reserve_port()
    settings = [f"--env=PORT={port}", "--ulimit=nofile=10000", "--ulimit=nproc=4096:4096"]
    podman.run("run", "--detach", "--name=site", "--network=host", *settings, "localhost/site")
    deadline = time.monotonic() + 20
    while not answers(port):
        assert time.monotonic() < deadline, podman.run("logs", "site")
        time.sleep(0.05)
    assert "<title>Night sky</title>" in fetch(port)
    assert podman.run("exec", "site", "ls", "-A", "/site").split() == [
        ".dockerignore",
        "Dockerfile",
        "posts",
        "viblog.toml",
    ]


def test_the_health_check_asks_the_blog_and_says_what_it_found(
    podman: Podman, running: int
) -> None:
    """Run as the container runtime runs it, whatever `/healthz` answers."""
    (config,) = json.loads(podman.run("inspect", "--type=container", "blog"))
    kind, *check = config["Config"]["Healthcheck"]["Test"]
    assert kind == "CMD"
    assert podman.succeeds("healthcheck", "run", "blog") == answers(running, "/healthz")
    # The same of a page that is there for sure, and of one that is not.
    for path, is_there in (("/blog", True), ("/no-such-page", False)):
        asked = [part.replace("/healthz", path) for part in check]
        assert asked != check
        assert podman.succeeds("exec", "blog", *asked) == is_there
