"""A ring of io_uring for a test, which is skipped only where the kernel will not give one."""

from __future__ import annotations

import errno
import os
import platform

import pytest

from flask_presence.streams.fast.ring import Ring

FIRST_KERNEL = (6, 1)


def make_ring(entries: int) -> Ring:
    """Return a ring. Where one should be had, an error is a failure, not a reason to skip."""
    try:
        return Ring(entries)
    except OSError as error:
        version = tuple(int(number) for number in platform.release().split(".")[:2])
        # Not built in, or switched off: by the kernel's setting, or by a container's filter.
        if error.errno in (errno.ENOSYS, errno.EPERM) or version < FIRST_KERNEL:
            pytest.skip(f"{os.uname().release} gives no ring here: {error}")
        raise
