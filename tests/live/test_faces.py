"""Faces: which one a tab gets, and which ones a page shows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from xml.dom import minidom

import pytest

from blog.live.faces import COLOURS, FaceRow, Faces, read_motifs
from blog.live.numbers import LiveCounts
from blog.live.templates import LiveTemplates
from blog.pages.theme import make_loader
from blog.words import list_languages, load_words
from flask_presence.tracking import Store, Tracker, connect
from flask_presence.web.readers import TOPIC

PAGE = "blog/a"
PRIVATE = {"HTTP_SEC_GPC": "1"}


class Room:
    """Faces, and a tracker that was not started: it has what it is told, and no Redis."""

    def __init__(self, *, counts_readers: bool = False) -> None:
        self.tracker = Tracker(Store(connect("redis://localhost"), "{test}"), indexes=("page",))
        self.faces = Faces(self.tracker, counts_readers=counts_readers)
        self.clock = 0

    def arrive(self, key: str, page: str = PAGE, **headers: str) -> Callable[[], None]:
        """Have a tab open a page; return what closes it."""
        self.clock += 1
        added = self.faces.choose(headers, page, key, {})
        meta = {"page": page, "joined_at": self.clock, **added}
        self.tracker.track(tab := object(), TOPIC, key, meta)
        return lambda: self.tracker.untrack(tab)

    def row(self, page: str = PAGE) -> FaceRow | None:
        return self.faces.row(page)


@pytest.fixture
def room() -> Room:
    return Room()


def test_who_is_alone_sees_none_and_two_see_both(room):
    room.arrive("ada")
    assert room.row() is None
    leave = room.arrive("ben")
    row = room.row()
    assert row is not None
    assert len(set(row.faces)) == 2
    assert row.more == 0
    leave()
    assert room.row() is None


def test_the_first_six_are_shown_and_all_of_them_are_as_many_as_the_number(room):
    rows = []
    for number in range(50):
        room.arrive(f"reader {number}")
        rows.append(room.row())
    assert [len(row.faces) + row.more for row in rows[1:]] == list(range(2, 51))
    assert len({row.faces for row in rows[5:]}) == 1
    room.arrive("one more")
    assert room.row() is None  # a crowd


def test_no_two_of_a_room_have_the_same_motif_while_there_are_enough(room):
    motifs = len(read_motifs())
    for number in range(motifs):
        room.arrive(f"reader {number}")
    shown = [meta["face"] for one in room.tracker.list(TOPIC).values() for meta in one["metas"]]
    assert len({face % motifs for face in shown}) == motifs
    for number in range(50 - motifs):
        room.arrive(f"another {number}")
    shown = [meta["face"] for one in room.tracker.list(TOPIC).values() for meta in one["metas"]]
    assert len(set(shown)) == 50


def test_nobody_can_be_followed_from_one_post_to_another(room):
    """A reader's faces on two posts are the same no more often than those of two readers."""
    same = sum(
        room.faces.choose({}, "blog/a", f"{key}", {})
        == room.faces.choose({}, "blog/b", f"{key}", {})
        for key in range(10_000)
    )
    assert 10 < same < 80  # 39 is what chance has; six deviations are 38


def test_faces_are_dealt_evenly(room):
    dealt = Counter(room.faces.choose({}, PAGE, f"{key}", {})["face"] for key in range(25_600))
    assert len(dealt) == 256
    assert max(dealt.values()) < 160  # 100 each; six deviations are 60


def test_a_tab_that_comes_back_keeps_its_face(room):
    before = {"face": 37}
    assert room.faces.choose({}, PAGE, "ada", before) == {}  # what it had is kept


@pytest.mark.parametrize(
    "before", [{}, {"face": "37"}, {"face": True}, {"face": 256}, {"face": -1}]
)
def test_what_is_no_face_of_ours_is_none(room, before):
    assert room.faces.read(before) is None
    assert 0 <= room.faces.choose({}, PAGE, "ada", before)["face"] < 256


def test_who_asks_for_privacy_has_none_and_is_counted(room):
    room.arrive("ada")
    room.arrive("ben", **PRIVATE)
    row = room.row()
    assert row is not None
    assert len(row.faces) == 1
    assert row.more == 1
    assert room.faces.choose(PRIVATE, PAGE, "ben", {}) == {}


def test_only_posts_have_faces(room):
    assert room.faces.choose({}, "index", "ada", {}) == {}


def test_with_readers_counted_a_browser_has_one_face_however_many_tabs():
    room = Room(counts_readers=True)
    leave = room.arrive("ada")
    room.arrive("ada")
    assert room.row() is None
    room.arrive("ben")
    before = room.row()
    assert before is not None
    assert len(before.faces) == 2
    leave()
    assert room.row() == before


def test_metas_of_another_version_are_counted_without_a_face(room):
    room.arrive("ada")
    for face in ("fox", 4711, None, [1]):
        room.tracker.track(object(), TOPIC, "x", {"page": PAGE, "joined_at": 0, "face": face})
    row = room.row()
    assert row is not None
    assert len(row.faces) == 1
    assert row.more == 4


def test_every_face_is_a_drawing_of_its_own(room):
    drawn = [room.faces.draw(face) for face in range(len(COLOURS) * len(read_motifs()))]
    assert len(set(drawn)) == 256
    for face in drawn:
        assert face is not None
        assert len(face) < 1500
        assert minidom.parseString(face).childNodes  # noqa: S318
    assert room.faces.draw(256) is None
    assert room.faces.draw(-1) is None


@pytest.mark.parametrize("text", [None, "", "[", json.dumps([1])])
def test_without_the_motifs_there_are_no_faces_and_the_log_says_so(tmp_path, caplog, text):
    path = tmp_path / "motifs.json"
    if text is not None:
        path.write_text(text)
    assert read_motifs(path) == {}
    assert "found no motifs in motifs.json" in caplog.text


def test_a_room_and_a_crowd_in_frames(room):
    """What a crowd is sent has no word of faces; and the page hides those of the room before."""
    templates = LiveTemplates(make_loader(None), load_words("en"))

    def count(*, has_faces: bool) -> LiveCounts:
        numbers = LiveCounts(
            room.tracker, templates, counts_readers=False, find_post=lambda page: None
        )
        numbers.faces = room.faces if has_faces else None
        return numbers

    with_faces, without = count(has_faces=True), count(has_faces=False)
    leave = room.arrive("ada")
    assert with_faces.frame(PAGE) == without.frame(PAGE)
    room.arrive("ben")
    row = room.row()
    assert row is not None
    frame = with_faces.frame(PAGE).decode()
    assert '<span id="room-2" class="room">2 reading now</span>' in frame
    pictures = "".join(
        f'<img id="f-{face.number}" src="{face.address}" width="18" height="18" alt=""'
        f' title="{templates.words.motifs[face.motif]}">'
        for face in row.faces
    )
    assert f'<hx-partial hx-target=".faces" hx-swap="innerMorph">{pictures}</hx-partial>' in frame
    assert with_faces.fragments(PAGE).faces == pictures
    assert with_faces.fragments(PAGE).here == '<span class="room">2 reading now</span>'
    for number in range(6):
        room.arrive(f"reader {number}")
    assert "<span>+2</span></hx-partial>" in with_faces.frame(PAGE).decode()
    for number in range(43):
        room.arrive(f"another {number}")
    assert with_faces.frame(PAGE) == without.frame(PAGE)
    leave()
    assert with_faces.frame(PAGE) == without.frame(PAGE)  # 50, but it was a crowd just now


def test_every_motif_has_a_name_in_every_language_for_few_bytes(room):
    room.arrive("ada")
    for number in range(11):
        room.arrive(f"reader {number}")
    for language in list_languages():
        templates = LiveTemplates(make_loader(None), load_words(language))
        names = templates.words.motifs
        assert names.keys() == read_motifs().keys()
        assert len(set(names.values())) == len(names)
        numbers = LiveCounts(
            room.tracker, templates, counts_readers=False, find_post=lambda page: None
        )
        numbers.faces = room.faces
        frame = numbers.frame(PAGE).decode()
        unnamed = re.sub(r' title="[^"]+"', "", frame)
        assert frame.count(' title="') == 6
        assert len(frame.encode()) < 1.16 * len(unnamed.encode())


def test_a_tab_is_told_once_which_face_is_its_own(room):
    templates = LiveTemplates(make_loader(None), load_words("en"))
    numbers = LiveCounts(room.tracker, templates, counts_readers=False, find_post=lambda page: None)
    numbers.faces = room.faces
    for face in (37, 38, 37):
        told = numbers.greet({"face": face}).decode()
        assert f'You are <img src="{room.faces.name(face).address}"' in told
    assert b'name="tab" value="its id"' in numbers.greet({"face": 37}, "its id")
    assert numbers.greet({}) == numbers.greet(None) == b""


def test_who_leaves_is_shown_once_more_at_the_same_place_and_then_no_longer(room):
    templates = LiveTemplates(make_loader(None), load_words("en"))
    numbers = LiveCounts(room.tracker, templates, counts_readers=False, find_post=lambda page: None)
    numbers.faces = room.faces
    leaves = [room.arrive(f"reader {number}") for number in range(8)]
    before = list_faces(numbers)
    assert [is_gone for _, is_gone in before] == [False] * 6
    leaves[1]()
    leaves[4]()
    after = list_faces(numbers)
    assert after[:6] == [(face, place in (1, 4)) for place, (face, _) in enumerate(before)]
    assert [is_gone for _, is_gone in after[6:]] == [False, False]  # the seventh and the eighth
    assert "gone" not in numbers.fragments(PAGE).faces
    room.arrive("another")
    assert list_faces(numbers) == [face for face in after if not face[1]]


def list_faces(numbers: LiveCounts) -> list[tuple[str, bool]]:
    """Return the faces of a frame, each with whether it is one that has left."""
    found = re.findall(r'<img id="(f-\d+)"( class="gone")?', numbers.frame(PAGE).decode())
    return [(face, bool(is_gone)) for face, is_gone in found]
