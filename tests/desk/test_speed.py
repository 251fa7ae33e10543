"""What the dashboard costs with two years of 5,000 posts, read and written."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gevent
import pytest
from flask import Flask
from flask.testing import FlaskClient

from blog.config import Settings
from blog.desk.reports import Reports
from blog.desk.turns import take_turns
from blog.factory import create_app
from tests.history.synthetic import POSTS, fill
from tests.history.times import BERLIN

NOW = datetime(2026, 11, 3, 14, 30, tzinfo=BERLIN)
PERIODS = ("today", "month", "quarter", "two-years")


class Forgetful(Reports):
    """Reads every report anew."""

    def read(self, *asked: object) -> object:  # type: ignore[override]
        self._kept.clear()
        return super().read(*asked)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder: Path = tmp_path_factory.mktemp("blog")
    (folder / "posts").mkdir()
    for number in range(POSTS):
        date = NOW.astimezone(UTC) - timedelta(hours=3 * number)
        text = (
            f"---\ntitle: A post about something, {number}\ndate: {date:%Y-%m-%d}\n---\n\nWords.\n"
        )
        name = f"a-post-about-something-{number}.md"
        (folder / "posts" / name).write_text(text, encoding="utf-8")
    paths = {f"{name}_dir": folder / name for name in ("posts", "pages", "instance")}
    app = create_app(Settings(**paths, time_zone=BERLIN))  # type: ignore[arg-type]
    database = app.extensions["viblog"].database
    database.write(fill, NOW.timestamp())
    reports = Forgetful(database, BERLIN, clock=lambda: NOW.timestamp())
    app.extensions["dashboard"] = app.extensions["dashboard"]._replace(reports=reports)
    gc.collect()
    gc.freeze()  # as `Viblog.start` does
    yield app
    gc.unfreeze()
    app.extensions["viblog"].close()


@pytest.fixture(scope="module")
def author(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.post(app.extensions["desk"].make_link())
    return client


@pytest.mark.full
@pytest.mark.alone
@pytest.mark.parametrize("period", PERIODS)
def test_a_page_of_two_years_of_5000_posts_takes_200_ms_at_most(author: FlaskClient, period: str):
    """Of the processor, and all of it: the store, the charts and the text."""
    taken = []
    for _ in range(4):
        before = time.process_time()
        answer = author.get(f"/desk/readers?period={period}")
        taken.append(time.process_time() - before)
        assert (answer.status_code, "A post about something, 0" in answer.text) == (200, True)
    assert min(taken) <= 0.2, taken


def test_long_text_is_made_in_slices_between_which_others_have_their_turn():
    done: list[str] = []
    gevent.spawn(done.append, "another")
    done.extend(take_turns(["a", "b"], slice_seconds=0))
    assert done == ["a", "another", "b"]
