"""Processes without io_uring, which many container runtimes refuse: seccomp(2)."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import struct
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

# <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h>
_NO_NEW_PRIVS, _SECCOMP, _MODE_FILTER = 38, 22, 2
_LOAD_NUMBER, _SKIP_UNLESS, _RETURN = 0x20, 0x15, 0x06
_REFUSE, _ALLOW = 0x0005_0000 | errno.EPERM, 0x7FFF_0000
_IO_URING_SETUP = 425
_STEPS = (
    (_LOAD_NUMBER, 0, 0, 0),
    (_SKIP_UNLESS, 0, 1, _IO_URING_SETUP),
    (_RETURN, 0, 0, _REFUSE),
    (_RETURN, 0, 0, _ALLOW),
)


@contextlib.contextmanager
def thread_without_io_uring() -> Iterator[Executor]:
    """Yield a thread without io_uring; the processes that it starts have none, either.

    As their parent is this thread, they may be signalled when it ends (PR_SET_PDEATHSIG).
    """
    with ThreadPoolExecutor(max_workers=1, initializer=_forbid) as thread:
        yield thread


def _forbid() -> None:
    """Forbid io_uring to the calling thread. This cannot be undone."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    steps = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in _STEPS))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(_STEPS), ctypes.addressof(steps)))
    for arguments in (_NO_NEW_PRIVS, 1), (_SECCOMP, _MODE_FILTER, ctypes.addressof(program)):
        if prctl(*arguments, *[0] * (5 - len(arguments))):
            raise OSError(ctypes.get_errno(), "seccomp is not to be had")
