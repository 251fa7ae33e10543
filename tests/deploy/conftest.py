"""One machine for the whole run, set up by the steps of `docs/deploy.md`; and a browser."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.deploy.authority import DIRECTORY_URL, start_authority
from tests.deploy.machine import Machine
from tests.deploy.site import DOMAIN, DeployedSite
from tests.deploy.steps import Step, steps_under
from tests.setup.tools import CHROMIUM_OPTIONS, find_chromium

ROOT = Path(__file__).resolve().parents[2]
CLONE = "/srv/viblog.git"
# gunicorn's own log, so that a test sees what the blog takes for the reader's address: the blog's
# has none.
ACCESS_LOG = "/var/lib/viblog/access.log"
LOG = (
    f"--logger-class gunicorn.glogging.Logger --access-logfile {ACCESS_LOG}"
    " --access-logformat '%(h)s %(U)s?%(q)s'"
)
DROP_IN = f"""[Service]
Environment="GUNICORN_CMD_ARGS={LOG}"
"""

NewBrowser = Callable[[], BrowserContext]


def run_step(machine: Machine, step: Step) -> None:
    """Run a block of the document as it stands, and compare what it prints."""
    (settings,) = steps_under("Deploy")
    said = machine.run(f"{settings.commands}\n{step.commands}")
    if step.prints:
        assert said == step.prints, f"under {step.heading!r}:\n{step.commands}"


def run_steps(machine: Machine, heading: str) -> None:
    """Run all blocks under a heading."""
    for step in steps_under(heading):
        run_step(machine, step)


@pytest.fixture(scope="session")
def bare_machine() -> Iterator[Machine]:
    """Boot a machine that has only Debian and a repository to clone the blog from."""
    with Machine(DOMAIN) as machine:
        put_clone(machine.root / CLONE.lstrip("/"))
        yield machine


def put_clone(folder: Path) -> None:
    """Make a repository of this project as it is now, including uncommitted changes."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():  # not what is deleted and still listed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    commit(folder, "All of it", "init --quiet --initial-branch main")


def commit(folder: Path, subject: str, *before: str) -> None:
    """Commit everything in a repository."""
    author = "-c user.name=Test -c user.email=test@localhost"
    for command in (*before, "add --all", f"{author} commit --quiet --message '{subject}'"):
        subprocess.run(f"git {command}", cwd=folder, shell=True, check=True)  # noqa: S602


@pytest.fixture(scope="session")
def machine(bare_machine: Machine) -> Machine:
    """Do the document's steps 1 and 2: the blog runs, and nobody outside reaches it."""
    run_steps(bare_machine, "1.")
    bare_machine.write("/etc/systemd/system/viblog.service.d/test.conf", DROP_IN)
    run_steps(bare_machine, "2.")
    start_authority(bare_machine)
    return bare_machine


@pytest.fixture(scope="session", params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, machine: Machine) -> Iterator[DeployedSite]:
    """Do step 3 for each proxy in turn, and look at the site as step 4 does."""
    if request.param == "nginx":
        run_steps(machine, "3. nginx")
    else:
        tell_caddy_the_authority(machine)
        run_steps(machine, "3, or")
    site = DeployedSite(machine, request.param)
    machine.wait(site.has_certificate, "the site has a certificate", 30)
    run_steps(machine, "4.")
    yield site
    # As the document says for a change of proxy.
    machine.run(f"systemctl disable --now {request.param}")


def tell_caddy_the_authority(machine: Machine) -> None:
    """Name the authority in the recipe's own block of options: the one thing that is changed."""
    machine.run(
        f"cd /opt/viblog && sed --in-place '0,/^{{$/s||{{\\n\\tacme_ca {DIRECTORY_URL}|'"
        " deploy/Caddyfile && git diff --exit-code --stat > /dev/null && exit 1 || true"
    )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start one Chromium, which finds the domain on this machine."""
    options = [*CHROMIUM_OPTIONS, f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=options)
        yield browser
        browser.close()


@pytest.fixture
def new_browser(chromium: Browser) -> Iterator[NewBrowser]:
    """Return a function that makes a browser with cookies, cache and connections of its own."""
    with ExitStack() as stack:

        def make() -> BrowserContext:
            # The authority is trusted on the machine, where step 4 has checked the certificate.
            context = chromium.new_context(ignore_https_errors=True, reduced_motion="reduce")
            context.set_default_timeout(10_000)
            stack.callback(context.close)
            return context

        yield make
