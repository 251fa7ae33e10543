"""The service on a booted machine: who it is, what it may do, and how it starts and stops."""

from __future__ import annotations

import re
import time

import pytest

from tests.deploy.conftest import run_steps
from tests.deploy.machine import Machine

MAIN_PID = "$(systemctl show --property MainPID --value viblog)"


def ask(machine: Machine, path: str = "/blog") -> int:
    """Return the status with which the blog itself answers on the machine."""
    code = machine.run(
        "curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}'"
        f" --header 'Host: blog.example' http://127.0.0.1:8000{path} || true"
    )
    return int(code)


def test_the_unit_has_no_mistake_and_may_do_little(machine: Machine) -> None:
    run_steps(machine, "What is set")


def test_the_service_runs_as_a_user_that_owns_nothing_but_its_folder(machine: Machine) -> None:
    user = int(machine.run(f"stat --format %u /proc/{MAIN_PID}"))
    assert 61184 <= user <= 65519  # systemd's range for users that are made at a start
    assert machine.run(f"find / -xdev -uid {user} -not -path '/var/lib/private/*'") == ""


@pytest.mark.parametrize(
    "path",
    [
        "/srv/blog/posts/evil.md",
        "/opt/viblog/evil",
        "/etc/evil",
        "/usr/evil",
        "/var/evil",
        "/root/evil",
    ],
)
def test_the_service_can_write_nowhere_else(machine: Machine, path: str) -> None:
    """Inside its namespaces even root's own rights do not help: the file systems are read-only."""
    said = machine.run(
        f"nsenter --target {MAIN_PID} --mount touch {path} 2>&1 && echo written || true"
    )
    assert "written" not in said
    assert re.search("Read-only file system|Permission denied|No such file", said), said


def test_a_command_runs_as_the_services_user_and_may_write_no_more(machine: Machine) -> None:
    machine.run("install /opt/viblog/deploy/viblog /usr/local/bin/")
    user = machine.run(f"stat --format %u /proc/{MAIN_PID}").strip()
    look = "import os; print('is', os.getuid(), os.access('/srv/blog/posts', os.W_OK))"
    said = machine.run(f'echo "{look}" | viblog shell')
    assert f"is {user} False" in said
    machine.run("viblog presence list")  # it comes to the embedded Valkey's socket
    folder = "/var/lib/private/viblog"
    assert machine.run(f"stat --format %a {folder} {folder}/valkey") == "700\n700\n"
    assert ask(machine) == 200


def test_the_services_memory_is_bounded(machine: Machine) -> None:
    said = machine.run("systemctl show --property MemoryMax --value viblog")
    total = int(machine.run("awk '/^MemTotal:/ { print $2 }' /proc/meminfo")) * 1024
    assert 0 < int(said) < total


def test_the_settings_are_for_root_only(machine: Machine) -> None:
    assert machine.run("stat --format '%U %a' /etc/viblog.env") == "root 600\n"
    said = machine.run("cat /etc/viblog.env")
    assert re.search(r"^BLOG_SECRET_KEY=[0-9a-f]{64}$", said, re.MULTILINE)
    assert "blog.example" in said


def test_another_name_is_refused(machine: Machine) -> None:
    said = machine.run(
        "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:8000/blog"
    )
    assert said == "400"


def test_a_stop_takes_the_embedded_valkey_along_and_is_no_failure(machine: Machine) -> None:
    began = time.monotonic()
    machine.run("systemctl stop viblog")
    assert time.monotonic() - began < 15  # TimeoutStopSec is 20
    assert machine.run("systemctl show --property Result --value viblog") == "success\n"
    assert machine.run("pgrep --full '[g]unicorn|[v]alkey-server' || true") == ""
    machine.run("systemctl start viblog")
    assert ask(machine) == 200


def test_a_killed_master_is_started_again(machine: Machine) -> None:
    killed = machine.run(f"echo {MAIN_PID}")
    machine.run(f"kill -s KILL {killed}")
    machine.wait(
        lambda: machine.run(f"echo {MAIN_PID}") not in (killed, "0\n") and ask(machine) == 200,
        "another master serves",
        20,
    )
    workers = machine.run(f"pgrep --count --parent {MAIN_PID} --full 'gunicorn app:app'")
    assert workers == "2\n"


def test_an_unusable_setting_is_named_in_the_journal(machine: Machine) -> None:
    machine.run("cp /etc/viblog.env /tmp/kept && echo BLOG_COUNT=people >> /etc/viblog.env")
    try:
        machine.run("systemctl restart viblog || true")
        said = machine.run("journalctl --unit viblog --no-pager --lines 20")
        assert "BLOG_COUNT: found 'people', expected tabs or readers" in said
    finally:
        machine.run("cat /tmp/kept > /etc/viblog.env && systemctl restart viblog")
    assert ask(machine) == 200
