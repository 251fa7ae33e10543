"""The author's own visits: a signed cookie marks a browser, whose visits no statistic has.

It counts live, like any other. The cookie opens nothing; pages are the same with it as without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from itsdangerous import BadSignature, Signer

from blog.cookies import name_cookie
from blog.desk.keys import DeskClosedError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

NAME = "viblog_own"
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
        return NAME in cookies and any(map(self._is_ours, _FORM.findall(cookies)))

    def mark(self, response: Any, base_path: str, *, is_marked: bool, is_secure: bool) -> None:
        """Have an answer mark its browser, or no more.

        Lax, not strict: else the click on a link of another site that leads here would count.
        """
        path = base_path or "/"
        response.set_cookie(
            name_cookie(NAME, path, is_secure=is_secure),
            self._signer().sign(VALUE).decode() if is_marked else "",
            max_age=SECONDS if is_marked else 0,
            path=path,
            secure=is_secure,
            httponly=True,
            samesite="Lax",
        )

    def _is_ours(self, value: str) -> bool:
        try:
            return self._signer().unsign(value) == VALUE.encode()
        except (BadSignature, DeskClosedError):
            return False

    def _signer(self) -> Signer:
        return Signer(self._find_key(), salt=SALT)
