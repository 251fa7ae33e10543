"""Posts come to the server without root and without conflicts, as step 7 has it."""

from __future__ import annotations

import pytest

from tests.deploy.conftest import run_step
from tests.deploy.machine import Machine
from tests.deploy.site import DOMAIN
from tests.deploy.steps import Step, steps_under

# A shell of the author's, on the machine itself, in place of ssh.
SSH = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift 2; done
[ "$1" = author@blog.example ] || [ "$1" = blog.example ] && shift
exec runuser -l author -c "$*"
"""
# rsync names the user by an option.
PREFIX = "export RSYNC_RSH=/root/ssh GIT_SSH=/root/ssh GIT_SSH_VARIANT=simple; cd /root\n"
POST = "---\ntitle: {0}\ndate: 2026-11-03\n---\n{0}.\n"


@pytest.fixture(scope="module")
def author(machine: Machine) -> Machine:
    """Make the author, and a site on the author's computer, which is the same machine."""
    machine.write("/root/ssh", SSH)
    machine.write("/root/mysite/posts/first.md", POST.format("First"))
    machine.write("/root/mysite/posts/second.md", POST.format("Second"))
    machine.write("/root/mysite/pages/about.md", "---\ntitle: About\n---\nMe.\n")
    machine.run("chmod 755 /root/ssh; chmod 600 /root/mysite/posts/*")
    run_step(machine, steps_under("7.")[0])
    return machine


def run_as_author(machine: Machine, step: Step) -> None:
    run_step(machine, Step(step.heading, PREFIX + step.commands, step.prints))


def expect_posts(machine: Machine, *names: str) -> None:
    """Wait until the blog shows these posts and no other."""

    def shown() -> str:
        asked = f"curl --silent --header 'Host: {DOMAIN}' http://127.0.0.1:8000/archive"
        return machine.run(asked)

    def is_so() -> bool:
        page = shown()
        return page.count('<a href="/blog/') == len(names) and all(
            f'<a href="/blog/{name}"' in page for name in names
        )

    machine.wait(is_so, f"the blog shows {names}")


def test_rsync_sends_what_was_written_and_takes_away_what_was_deleted(author: Machine) -> None:
    (rsync,) = (step for step in steps_under("7.") if step.commands.startswith("rsync"))
    run_as_author(author, rsync)
    expect_posts(author, "first", "second")
    author.run("rm /root/mysite/posts/second.md")
    run_as_author(author, rsync)
    expect_posts(author, "first")


def test_a_push_puts_the_files_in_their_place_whatever_lies_there(author: Machine) -> None:
    make, push = (step for step in steps_under("7.") if "blog.git" in step.commands)
    git = "git -C /root/mysite -c user.name=A -c user.email=a@localhost"
    author.write("/root/mysite/posts/third.md", POST.format("Third"))
    author.run(f"{git} init --quiet --initial-branch=main; {git} add .; {git} commit -qm One")
    run_step(author, make)
    run_as_author(author, push)
    expect_posts(author, "first", "third")
    author.write("/srv/blog/posts/third.md", "changed on the server")
    author.write("/root/mysite/posts/fourth.md", "---\ndate: never\n---\n")
    author.run(f"{git} rm -q posts/first.md; {git} add .; {git} commit -qm Two")
    said = author.run(f"{PREFIX}cd mysite; git push server main 2>&1")
    assert 'posts/fourth.md:2: date: found "never"' in said
    expect_posts(author, "third")
