"""One worker's desk: who may open it, for how long, and what has a lifetime there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from blog.config import Settings
from blog.desk import passes
from blog.desk.keys import DeskClosedError, find_key
from blog.desk.own_visits import OwnVisits
from blog.desk.pass_registry import PassRegistry
from blog.desk.passes import COOKIE_SALT, COOKIE_SECONDS, LINK_SALT, LINK_SECONDS, Pass
from blog.desk.passwords import Passwords
from blog.desk.streams import DeskStreams
from blog.desk.tries import Tries
from blog.desk.turns import Turn
from flask_presence.web.service import PresenceService

log = logging.getLogger(__name__)


class Desk:
    """Signs, reads and spends what opens the desk. `app.extensions["desk"]` holds it.

    All that needs the key raises `DeskClosedError`, all that asks the store `StoreUnavailable`.
    """

    def __init__(
        self,
        settings: Settings,
        registry: PassRegistry,
        presence: PresenceService,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.own_visits = OwnVisits(lambda: self.key)
        self.streams = DeskStreams(
            presence.settings.limits, self.is_good, lambda: presence.is_draining
        )
        self.tries = Tries()
        self.turn = Turn()
        self.passwords = Passwords(settings.desk_password_hash)
        self.clock = clock
        self._key = ""
        self._problem = ""

    @property
    def is_public(self) -> bool:
        """Whether everybody may see the dashboard."""
        return self.settings.dashboard == "public"

    @property
    def key(self) -> str:
        """The key; made when it is first asked for. What is wrong with it is logged once."""
        if not self._key:
            try:
                self._key = find_key(self.settings)
            except DeskClosedError as error:
                if str(error) != self._problem:
                    self._problem = str(error)
                    log.warning("the desk is closed: %s", error)
                raise
        return self._key

    def make_link(self) -> str:
        """Return the path of a new link, which opens the desk once."""
        made = Pass.make(self.registry.open_epoch(), self.clock(), LINK_SECONDS)
        return link_path(passes.sign(self.key, LINK_SALT, made))

    def is_link(self, token: str) -> bool:
        """Tell whether a link can still be used, without using it."""
        found = passes.read(self.key, LINK_SALT, token, self.clock())
        return found is not None and self.registry.allows(found)

    def use_link(self, token: str) -> Pass | None:
        """Use a link up: return what the cookie shall hold; None where it is of no use."""
        found = passes.read(self.key, LINK_SALT, token, self.clock())
        if found is None or not self.registry.spend(found):
            return None
        return Pass.make(found.epoch, self.clock(), COOKIE_SECONDS)

    def use_password(self, said: str) -> Pass | None:
        """Return what the cookie shall hold for who knows the password, else None."""
        if not self.passwords.is_right(said):
            return None
        return Pass.make(self.registry.open_epoch(), self.clock(), COOKIE_SECONDS)

    def write_cookie(self, made: Pass) -> str:
        """Return the cookie's value."""
        return passes.sign(self.key, COOKIE_SALT, made)

    def read_cookie(self, cookie: str) -> Pass | None:
        """Return the pass of a cookie that is good now; None for all others."""
        found = passes.read(self.key, COOKIE_SALT, cookie, self.clock())
        return found if found is not None and self.registry.allows(found) else None

    def is_good(self, known: Pass) -> bool:
        """Tell whether what was read from a cookie is still good."""
        return known.expires > self.clock() and self.registry.allows(known)

    def sign_out(self, known: Pass) -> None:
        """End what one cookie opened, in every worker."""
        self.registry.spend(known)

    def close(self) -> None:
        """Stop what runs for it. Idempotent."""
        self.streams.close()
        self.passwords.close()


def link_path(token: str) -> str:
    """Return the address of a link, below the blog's own."""
    return f"/desk/link/{token}"
