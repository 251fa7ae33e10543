"""The author's own visits: a signed cookie marks a browser, whose visits no statistic has.

It counts live, like any other. The cookie opens nothing; pages are the same with it as without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from itsdangerous import BadSignature, Signer

from blog.desk.keys import DeskClosedError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

NAME = "viblog_own"
# Over https no sibling of the domain can set the first, which is for a whole host only.
HOST_NAME, SECURE_NAME = f"__Host-{NAME}", f"__Secure-{NAME}"
SALT = "viblog.desk.own"
VALUE = "own"
# Browsers keep none longer.
SECONDS = 400 * 24 * 3600
_FORM = re.compile(rf"(?:^|[;\s])(?:__(?:Host|Secure)-)?{NAME}=([\w.-]{{1,100}})(?=$|[;\s])")


class OwnVisits:
    """Tells which requests are of a browser that the author marked. Never waits, never raises."""

    def __init__(self, find_key: Callable[[], str]) -> None:
        self._find_key = find_key

    def has(self, environ: WSGIEnvironment) -> bool:
        """Tell whether a request, for a page or a stream, is the author's own."""
        cookies = environ.get("HTTP_COOKIE", "")
        found = _FORM.search(cookies) if NAME in cookies else None
        if found is None:
            return False
        try:
            return self._signer().unsign(found[1]) == VALUE.encode()
        except (BadSignature, DeskClosedError):
            return False

    def mark(self, response: Any, base_path: str, *, is_marked: bool, is_secure: bool) -> None:
        """Have an answer mark its browser, or no more.

        Lax, not strict: else the click on a link of another site that leads here would count.
        """
        secure_name = SECURE_NAME if base_path else HOST_NAME
        response.set_cookie(
            secure_name if is_secure else NAME,
            self._signer().sign(VALUE).decode() if is_marked else "",
            max_age=SECONDS if is_marked else 0,
            path=base_path or "/",
            secure=is_secure,
            httponly=True,
            samesite="Lax",
        )

    def _signer(self) -> Signer:
        return Signer(self._find_key(), salt=SALT)
