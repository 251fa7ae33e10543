"""Send one chunk to many sockets by one system call: io_uring(7), where the kernel has it.

A loop of `send` costs a call, and Python's part of it, for each socket. A ring is memory that is
shared with the kernel and has an entry for each socket. The fields that differ from chunk to chunk
are written and read by slices, not by a loop.

Each entry is carried out within the call and never waits (MSG_DONTWAIT): when the call returns,
nothing is under way. Only the calling thread touches the memory, also inside the kernel, so no
barriers are needed.
"""

from __future__ import annotations

import _socket
import ctypes
import errno
import mmap
import os
import platform
import socket
import struct
from array import array
from collections.abc import Sequence
from typing import Literal

# <linux/io_uring.h>. The calls have the same numbers on these machines.
_MACHINES = ("x86_64", "aarch64")
_SETUP, _ENTER = 425, 426
_FLAGS = 1 << 7 | 1 << 12 | 1 << 13  # SUBMIT_ALL, SINGLE_ISSUER, DEFER_TASKRUN: Linux 6.1
_GETEVENTS = 1
_PARAMS_BYTES, _SENT_OFFSETS, _DONE_OFFSETS = 120, 40, 80
_ENTRIES_OFFSET = 0x10000000
_OP_SEND = 26
# opcode, flags, ioprio, fd, off, addr, len, msg_flags, user_data
_ENTRY = struct.Struct("=BBHiQQIIQ24x")
_FD, _ADDRESS, _LENGTH = 4, 16, 24  # where in an entry
_RESULT_BYTES, _INDEX, _RESULT = 16, 0, 8
_U32 = 0xFFFFFFFF

# The sockets that did not take a whole chunk: how much each took, -1 if it never will take any.
Short = list[tuple[_socket.socket, int]]


def send_each(socks: Sequence[_socket.socket], chunk: bytes) -> Short:
    """Send a chunk to non-blocking sockets, by a call for each; return those that took less."""
    size, short = len(chunk), []
    for sock in socks:
        try:
            sent = sock.send(chunk)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = -1
        if sent != size:
            short.append((sock, sent))
    return short


class Ring:
    """A ring for so many sockets at once, a power of two. Raises `OSError` where there is none.

    Only the thread that made it may use it.
    """

    def __init__(self, entries: int) -> None:
        if platform.machine() not in _MACHINES:
            raise OSError(errno.ENOSYS, "no io_uring on this machine")
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.argtypes, self._syscall.restype = [ctypes.c_long] * 7, ctypes.c_long
        params = ctypes.create_string_buffer(_PARAMS_BYTES)
        struct.pack_into("=3I", params, 0, 0, 0, _FLAGS)
        self._fd = self._syscall(_SETUP, entries, ctypes.addressof(params), 0, 0, 0, 0)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            self._share(params.raw)
        except BaseException:
            self.close()
            raise
        self._chunk = b""

    def _share(self, params: bytes) -> None:
        """Map the memory, and write what is the same for all chunks."""
        count, results = struct.unpack_from("=2I", params)
        sent = struct.unpack_from("=7I", params, _SENT_OFFSETS)
        done = struct.unpack_from("=6I", params, _DONE_OFFSETS)
        order, first = sent[6], done[5]
        end = first + results * _RESULT_BYTES
        ring = memoryview(mmap.mmap(self._fd, max(end, order + 4 * count)))
        self._tail = _view(ring, "I", sent[1], sent[1] + 4)
        self._done_head = _view(ring, "I", done[0], done[0] + 4)
        self._done_tail = _view(ring, "I", done[1], done[1] + 4)
        self._indexes = _view(ring, "I", first + _INDEX, end, _RESULT_BYTES)
        self._results = _view(ring, "i", first + _RESULT, end, _RESULT_BYTES)
        _view(ring, "I", order, order + 4 * count)[:] = array("I", range(count))

        entries = memoryview(mmap.mmap(self._fd, count * _ENTRY.size, offset=_ENTRIES_OFFSET))
        flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        for n in range(count):
            _ENTRY.pack_into(entries, n * _ENTRY.size, _OP_SEND, 0, 0, -1, 0, 0, 0, flags, n)
        self._fds = _view(entries, "i", _FD, None, _ENTRY.size)
        self._addresses = _view(entries, "Q", _ADDRESS, None, _ENTRY.size)
        self._lengths = _view(entries, "I", _LENGTH, None, _ENTRY.size)

    def close(self) -> None:
        """Give it back to the kernel. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def send(self, socks: Sequence[_socket.socket], chunk: bytes) -> Short:
        """Do as `send_each`, for as many sockets as it has entries at most.

        Raises `OSError` if the kernel does not carry this out; then it is unknown what each socket
        was sent, and the ring must not be used again.
        """
        count, size = len(socks), len(chunk)
        if chunk is not self._chunk:
            self._point_to(chunk)
        tail = self._tail[0]
        _put(self._fds, tail, array("i", [sock.fileno() for sock in socks]))
        self._tail[0] = (tail + count) & _U32
        submitted = self._syscall(_ENTER, self._fd, count, count, _GETEVENTS, 0, 0)
        head = self._done_head[0]
        if not submitted == count == (self._done_tail[0] - head) & _U32:
            number = ctypes.get_errno() if submitted < 0 else errno.EIO
            raise OSError(
                number, f"io_uring did not carry out {count} sends: {os.strerror(number)}"
            )
        self._done_head[0] = (head + count) & _U32
        results = _take(self._results, head, count)
        if results.count(size) == count:
            return []
        entries = _take(self._indexes, head, count)
        return [
            (
                socks[(entry - tail) % len(self._fds)],
                0 if result == -errno.EAGAIN else max(result, -1),
            )
            for entry, result in zip(entries, results, strict=True)
            if result != size
        ]

    def _point_to(self, chunk: bytes) -> None:
        """Have all entries send a chunk; keep it, as they hold its address and not its bytes."""
        self._chunk = chunk
        address = ctypes.cast(ctypes.c_char_p(chunk), ctypes.c_void_p).value or 0
        self._addresses[:] = array("Q", [address]) * len(self._addresses)
        self._lengths[:] = array("I", [len(chunk)]) * len(self._lengths)


def _put(view: memoryview[int], at: int, numbers: array[int]) -> None:
    """Write numbers from a place on; at the end of the ring go on at its beginning."""
    start = at % len(view)
    first = len(view) - start
    if len(numbers) <= first:
        view[start : start + len(numbers)] = numbers
    else:
        view[start:] = numbers[:first]
        view[: len(numbers) - first] = numbers[first:]


def _take(view: memoryview[int], at: int, count: int) -> list[int]:
    """Read so many numbers from a place on, likewise around the ring's end."""
    start = at % len(view)
    numbers = view[start : start + count].tolist()
    return numbers if len(numbers) == count else numbers + view[: count - len(numbers)].tolist()


def _view(
    memory: memoryview, form: Literal["i", "I", "Q"], start: int, end: int | None, step: int = 0
) -> memoryview[int]:
    """Return the numbers of a form at a place, and at each further one of `step` bytes."""
    size = struct.calcsize(form)
    return memory[start:end].cast(form)[:: step // size or 1]
