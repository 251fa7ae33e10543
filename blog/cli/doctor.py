"""`flask doctor`: what the machine allows."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Say what the limits of this machine are, and what they allow; exit 1 to have one changed."""
    findings = list(current_app.extensions["viblog"].examine())
    for finding in findings:
        click.echo(finding.text if finding.is_fine else f"CHANGE THIS: {finding.text}")
    if not all(finding.is_fine for finding in findings):
        sys.exit(1)
