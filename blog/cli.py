"""The `flask posts` commands, and `flask doctor`."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from blog.posts import Fault, Library, Post
from blog.posts.markdown import render_markdown

posts_cli = AppGroup("posts", help="The posts: check them, list them.")


def _library() -> Library:
    library: Library = current_app.extensions["viblog"].library
    return library


@posts_cli.command("check")
def check() -> None:
    """Print every fault of every post; exit 1 if there is one."""
    index = _library().index
    faults = list(index.faults)
    posts = [*index.posts, *index.drafts]
    with click.progressbar(posts, label="Rendering", file=sys.stderr) as shown:
        for post in shown:
            fault = _find_render_fault(post)
            if fault is not None:
                faults.append(fault)
    for fault in sorted(faults):
        click.echo(str(fault))
    if faults:
        click.echo(f"{len(posts)} posts, {len(faults)} faults", err=True)
        sys.exit(1)
    click.echo(f"{len(posts)} posts, no faults")


@posts_cli.command("list")
def list_posts() -> None:
    """Print date, id and title of every post, the newest first."""
    index = _library().index
    for post in (*index.posts, *index.drafts):
        day = post.date.date().isoformat() if post.date else "no date   "
        click.echo(f"{day}  {post.id}  {post.title}{'  (draft)' if post.draft else ''}")


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Say what the limits of this machine are, and what they allow; exit 1 to have one changed."""
    findings = list(current_app.extensions["viblog"].examine())
    for finding in findings:
        click.echo(finding.text if finding.is_fine else f"CHANGE THIS: {finding.text}")
    if not all(finding.is_fine for finding in findings):
        sys.exit(1)


def _find_render_fault(post: Post) -> Fault | None:
    try:
        render_markdown(post)
    except Exception as error:  # noqa: BLE001 - whatever an extension raises is this post's fault
        found = f"the body cannot be rendered ({type(error).__name__}: {error})"
        mend = "take parts of it out until it can"
        return Fault(post.path, post.body_line, found, "Markdown", mend)
    return None
