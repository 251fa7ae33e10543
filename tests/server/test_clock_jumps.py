"""A machine whose clock is set by a day: all are there, and nothing absurd is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from blog.history.counts import SITE
from blog.history.spans import Grain
from blog.store.database import Database
from blog.store.schema import STAYS, counts, names
from tests.server.open_stream import OpenStream
from tests.setup.tools import find_libfaketime
from tests.site import Site

pytestmark = [pytest.mark.full, pytest.mark.system]

POST = "blog/how-the-counter-works"
# The library's own sleeping knows no clock but the one that it changes.
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


def read_site(connection: Connection) -> Sequence[int]:
    """Return opens, time open and stays by length of the whole site, whatever day they are of."""
    columns = [func.sum(counts.c[name]) for name in ("opens", "open_ms", *STAYS)]
    asked = select(*columns).join(names, names.c.number == counts.c.page)
    whole = asked.where(counts.c.grain == int(Grain.DAY), names.c.name == SITE)
    return [number or 0 for number in connection.execute(whole).one()]


@pytest.mark.parametrize("jump", ["+1d", "-1d"])
def test_a_clock_that_is_set_by_a_day_costs_nobody_and_makes_no_long_stay(
    tmp_path: Path, jump: str
) -> None:
    """The workers' clock and that of their Valkey; the pages stay open over it."""
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    (tmp_path / "sitecustomize.py").write_text(SLEEP)
    url = f"sqlite:///{tmp_path}/store.db"
    environ = {
        "LD_PRELOAD": find_libfaketime(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(tmp_path),
        "BLOG_DATABASE_URL": url,
        "BLOG_HISTORY": "1",
    }
    store = Database(url, tmp_path)
    begun = time.monotonic()
    with Site(workers=2, environ=environ) as site:
        with OpenStream(site, POST) as first:
            first.read_until("online")
            site.wait(lambda: store.read(read_site)[0] == 1, "the first is kept", 25)
            clock.write_text(f"{jump}\n")
            with OpenStream(site, POST) as second:
                second.read_until("online")
                site.wait_for_total(2)
                site.wait(lambda: store.read(read_site)[0] == 2, "both are kept", 25)
                site.wait_for_total(2)
            site.wait_for_total(1)
        site.wait_for_total(0)
        log = site.read_whole_log()
    whole = time.monotonic() - begun
    opens, open_ms, *stays = store.read(read_site)
    store.close()
    assert (opens, sum(stays), sum(stays[4:])) == (2, 2, 0)
    assert 10_000 < open_ms < 2_000 * whole
    assert "Traceback" not in log
