"""What a doctor looks at, and how it says what it found: the limits, Redis, and a stream."""

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
    """Print a line for each finding, and each title before it is looked; tell whether all is well.

    Warnings are: only what does not work is not.
    """
    is_well = True
    for title, findings in checks.items():
        if title:
            click.echo(f"      {title}", err=True)
        for finding in findings:
            is_well &= finding.level != "fail"
            click.echo(str(finding))
    return is_well
