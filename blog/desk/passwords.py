"""The author's password: its hash in the settings, checked in a native thread."""

from __future__ import annotations

from werkzeug.security import check_password_hash, generate_password_hash

from blog.native import NativeWork

# A guess takes 32 MB and a tenth of a second, on purpose: one at a time.
METHOD = "scrypt"
MIN_CHARS = 12
MAX_CHARS = 1000
MAX_WAITING = 4


class Passwords:
    """Checks what somebody says against the hash; without one nothing is right."""

    def __init__(self, password_hash: str) -> None:
        self._hash = password_hash
        self._work: NativeWork[bool] = NativeWork(at_once=1, max_waiting=MAX_WAITING)

    def __bool__(self) -> bool:
        return bool(self._hash)

    def is_right(self, said: str) -> bool:
        """Tell whether it is the password. Raises `BusyError` where too many are being checked."""
        if not self._hash or len(said) > MAX_CHARS:
            return False
        return self._work.run(lambda: check_password_hash(self._hash, said))

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._work.close()


def hash_password(password: str) -> str:
    """Return the hash of a password, for the settings."""
    return generate_password_hash(password, METHOD)
