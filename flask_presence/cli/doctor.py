"""Everything that a doctor examines (limits, Redis, a stream), and how it prints its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click

from .finding import Finding, fail, warn
from .limits import examine_limits
from .redis_check import examine_redis
from .stream_check import examine_stream

__all__ = [
    "Finding",
    "examine_limits",
    "examine_redis",
    "examine_stream",
    "fail",
    "say_findings",
    "warn",
]


def say_findings(checks: Mapping[str, Iterable[Finding]]) -> bool:
    """Print each title, then a line for each of its findings; return whether nothing failed.

    Warnings are no failures.
    """
    is_well = True
    for title, findings in checks.items():
        if title:
            click.echo(f"      {title}", err=True)
        for finding in findings:
            is_well &= finding.level != "fail"
            click.echo(str(finding))
    return is_well
