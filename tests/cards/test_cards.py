"""Cards are drawn once, kept for all workers, never half, and never too many."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import blog.cards.cards
from blog.cards import Card, CardColours, Cards
from blog.cards.fonts import Fonts
from tests.site import ROOT

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CARD = Card(title="A title", site="Viblog", date="1 May 2026", authors=("Ada",), tags=("x",))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Draw nothing but the title, and say of which titles that was done."""
    titles: list[str] = []

    def note(card: Card, fonts: Fonts) -> bytes:
        titles.append(card.title)
        return b"\x89PNG\r\n\x1a\n" + card.title.encode() + b"IEND\xaeB`\x82"

    monkeypatch.setattr(blog.cards.cards, "draw_card", note)
    return titles


def write(title: str) -> Card:
    return Card(title=title, site="Viblog")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_card_is_drawn_once_and_kept_by_what_it_shows(tmp_path: Path, drawn: list[str]):
    cards = Cards(tmp_path / "cards")
    first = cards.draw(CARD, NOON)
    assert Cards(tmp_path / "cards").draw(CARD, NOON) == first
    assert drawn == ["A title"]
    assert names(tmp_path / "cards") == [f"{cards.version(CARD)}.png"]


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Another"},
        {"site": "Another"},
        {"date": "2 May 2026"},
        {"authors": ("Grace",)},
        {"authors": ()},
        {"tags": ("y",)},
        {"description": "Another"},
        {"colours": CardColours(link="#000000")},
    ],
)
def test_all_that_a_card_shows_changes_its_version(tmp_path: Path, changed: dict[str, object]):
    shown = {name: getattr(CARD, name) for name in Card.__dataclass_fields__} | changed
    cards = Cards(tmp_path)
    assert cards.version(Card(**shown)) != cards.version(CARD)


def test_a_title_that_cannot_be_written_has_no_card(tmp_path: Path):
    assert Cards(tmp_path).version(write("日本語")) == ""


@pytest.mark.parametrize("kept", [b"", b"\x89PNG\r\n\x1a\nhalf"])
def test_a_half_file_is_drawn_again(tmp_path: Path, drawn: list[str], kept: bytes):
    cards = Cards(tmp_path)
    path = tmp_path / f"{cards.version(CARD)}.png"
    path.write_bytes(kept)
    whole = cards.draw(CARD, NOON).png
    assert drawn == ["A title"]
    assert path.read_bytes() == whole


def test_the_oldest_cards_go_when_there_are_too_many(tmp_path: Path, drawn: list[str]):
    cards = Cards(tmp_path, max_kept=10)
    for number in range(11):
        card = write(f"card {number}")
        cards.draw(card, NOON)
        path = tmp_path / f"{cards.version(card)}.png"
        if path.exists():
            os.utime(path, (number, number))
    kept = [n for n in range(11) if f"{cards.version(write(f'card {n}'))}.png" in names(tmp_path)]
    assert kept == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert cards.draw(write("card 0"), NOON).png
    assert drawn.count("card 0") == 2


def test_what_a_killed_worker_left_goes_with_the_oldest(tmp_path: Path, drawn: list[str]):
    (tmp_path / ".tmp1").write_bytes(b"half")
    os.utime(tmp_path / ".tmp1", (1, 1))
    cards = Cards(tmp_path, max_kept=2)
    for number in range(2):
        cards.draw(write(f"card {number}"), NOON)
    assert ".tmp1" not in names(tmp_path)


def test_without_a_folder_each_card_is_drawn_anew_and_the_log_says_so_once(
    tmp_path: Path, drawn: list[str], caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("")
    cards = Cards(tmp_path / "file" / "cards")
    first, second = (cards.draw(CARD, NOON) for _ in range(2))
    assert first == second
    assert first.drawn_at == NOON
    assert drawn == ["A title", "A title"]
    (line,) = caplog.messages
    assert f"{tmp_path}/file/cards cannot be written (Not a directory)" in line


def test_workers_that_draw_the_same_cards_never_see_half_of_one(tmp_path: Path):
    cards = [Cards(tmp_path, max_kept=3) for _ in range(4)]
    found: list[bytes] = []

    def draw(one: Cards) -> None:
        found.extend(one.draw(write(f"card {n % 5}"), NOON).png for n in range(15))

    threads = [threading.Thread(target=draw, args=(one,)) for one in cards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    assert len(set(found)) == 5
    assert all(png.endswith(b"IEND\xaeB`\x82") for png in found)


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys, time
from datetime import UTC, datetime
from pathlib import Path
import gevent
from blog.cards import Card, Cards, cards as module
from blog.native import BusyError

now = datetime(2026, 5, 1, tzinfo=UTC)
under_way = most = calls = busy = 0
ticks = []
draw = module.draw_card

def count(card, fonts):
    global under_way, most, calls
    under_way += 1
    calls += 1
    most = max(most, under_way)
    try:
        return draw(card, fonts)
    finally:
        under_way -= 1

def tick():
    while True:
        ticks.append(time.monotonic())
        gevent.sleep(0.001)

def ask(number):
    global busy
    try:
        return shelf.draw(Card(title=f"A long title of {number} " * 9, site="S"), now).png
    except BusyError:
        busy += 1

module.draw_card = count
shelf = Cards(Path(sys.argv[1]))
ticker = gevent.spawn(tick)
gevent.sleep(0.01)
killed = gevent.spawn(ask, 0)
gevent.sleep(0.002)
readers = [gevent.spawn(ask, number % 10) for number in range(30)]
gevent.sleep(0.002)
killed.kill()
gevent.joinall(readers, raise_error=True, timeout=30)
ticker.kill()
print("at once", most)
print("drawn", calls)
print("told to come back", busy)
print("the loop went on", len(ticks) > 50)
print("longest", max(b - a for a, b in zip(ticks, ticks[1:])), file=sys.stderr)
"""


def test_streams_go_on_while_cards_are_drawn_one_at_a_time_and_few_wait(tmp_path: Path):
    """Of 31 who ask for 10 cards, 20 wait; who asked first leaves in the middle."""
    command = [sys.executable, "-c", UNDER_GEVENT, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    print(done.stderr)
    assert done.stdout.splitlines() == [
        "at once 1",
        "drawn 10",
        "told to come back 11",
        "the loop went on True",
    ]
