"""Faces: a small picture for each reader of a post, which says nothing about who that is.

A face is chosen when a tab arrives, from a hash of its reader's key and of the page, so that nobody
can be followed by it from one post to another; it stays until the tab is closed. It is a motif in a
colour, drawn by `draw_face`. A reader alone sees none, and a crowd is shown as a number only.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from blog.posts.page_names import POST_PREFIX
from flask_presence.tracking import Diff, Presence, Roster, Tracker
from flask_presence.web.readers import TOPIC
from flask_presence.web.request_signals import asks_for_privacy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger(__name__)

MOTIFS_FILE = Path(__file__).with_name("motifs.json")
# The motif is white on them: contrast 5.3 or more; on the light and dark paper 3.0 or more.
COLOURS = ("#b3402a", "#8a5a00", "#4f7300", "#00785a", "#00739c", "#4a62c8", "#8a4fc0", "#b03a80")
MOST_SHOWN = 6
_SECTION = re.compile("at-[0-9a-f]{8}")


class Face(NamedTuple):
    """A face as templates show it: its number, the address of its picture, and of what.

    `has_left` is told once, so that pages can let it go calmly.
    """

    number: int
    address: str
    motif: str
    has_left: bool = False


class FaceRow(NamedTuple):
    """The faces that a page shows, those of who came first, and how many more readers it has.

    `sections` has how many of all are at each section of the post, by its class.
    """

    faces: tuple[Face, ...]
    more: int
    sections: tuple[tuple[str, int], ...] = ()

    def with_those_who_left(self, before: FaceRow) -> FaceRow:
        """Return the row with each face of the one before that is not in it any more.

        Those stay at their places, and the others keep their order.
        """
        faces = list(self.faces)
        for place, face in enumerate(before.faces):
            if face not in self.faces:
                faces.insert(place, face._replace(has_left=True))
        return self._replace(faces=tuple(faces))


class Faces:
    """Chooses the faces, and knows those of each page. With `counts_readers` a browser has one.

    `counts_sections` is whether the section of each reader is told, too.
    """

    def __init__(
        self,
        tracker: Tracker,
        *,
        counts_readers: bool,
        counts_sections: bool = False,
        base_path: str = "",
    ) -> None:
        self._counts_sections = counts_sections
        self._tracker = tracker
        self._counts_readers = counts_readers
        motifs = read_motifs()
        self._motifs = tuple(motifs.values())
        self._count = len(self._motifs) * len(COLOURS)
        # In each address, so that a browser may keep the picture for good.
        version = blake2b(repr((self._motifs, COLOURS)).encode(), digest_size=4).hexdigest()
        names = tuple(motifs)
        self._faces = tuple(
            Face(face, f"{base_path}/faces/{version}/{face}.svg", names[face % len(names)])
            for face in range(self._count)
        )
        self._roster = Roster("page", distinct=counts_readers)
        tracker.subscribe(self._follow, topic=TOPIC)

    def _follow(self, diff: Diff) -> None:
        """Take in the changes on posts; no other page has faces."""
        joins = tuple([one for one in diff.joins if _is_of_post(one)])
        leaves = tuple([one for one in diff.leaves if _is_of_post(one)])
        if joins or leaves:
            self._roster.apply(Diff(joins, leaves))

    def choose(
        self, environ: WSGIEnvironment, page: str, key: str, before: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return what is added to the meta of a tab that arrives: its face, or nothing.

        A tab that comes back has the one of before; who asks for privacy has none.
        """
        is_shown = page.startswith(POST_PREFIX) and self._count
        if not is_shown or self.read(before) is not None or asks_for_privacy(environ):
            return {}
        if self._counts_readers:
            for meta in self._tracker.get_by_key(TOPIC, key):
                if meta.get("page") == page and (face := self.read(meta)) is not None:
                    return {"face": face}
        digest = blake2b(f"{key} {page}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
        wanted = int.from_bytes(digest) % self._count
        if not self._roster.is_room(page):
            return {"face": wanted}
        taken = set(self._list(page))
        return {"face": _find_free(wanted, taken, len(self._motifs), self._count)}

    def row(self, page: str) -> FaceRow | None:
        """Return the faces of a page; None for a single reader, and for a crowd."""
        count = self._roster.count(page)
        if count < 2 or not self._roster.is_room(page):
            return None
        faces = tuple([self._faces[face] for face in self._list(page)[:MOST_SHOWN]])
        if not faces:
            return None
        return FaceRow(faces, count - len(faces), self._count_sections(page))

    def _list(self, page: str) -> list[int]:
        """Return the faces of a page's readers, those first who came first."""
        # As `read` does, which would be called up to 50 times for each arrival.
        return [
            face
            for one in self._roster.first(page)
            if type(face := one.meta.get("face")) is int and 0 <= face < self._count
        ]

    def _count_sections(self, page: str) -> tuple[tuple[str, int], ...]:
        if not self._counts_sections:
            return ()
        at = (one.meta.get("section") for one in self._roster.iterate(page))
        counts = Counter(name for name in at if isinstance(name, str) and _SECTION.fullmatch(name))
        return tuple(sorted(counts.items()))

    def is_room(self, page: str) -> bool:
        """Tell whether so few read a page that each may be shown."""
        return self._roster.is_room(page)

    def name(self, face: int) -> Face:
        """Return a face as templates show it."""
        return self._faces[face]

    def read(self, meta: Mapping[str, Any]) -> int | None:
        """Return the face of a meta; None where it has none, or not one of ours."""
        face = meta.get("face")
        return face if type(face) is int and 0 <= face < self._count else None

    def draw(self, face: int) -> str | None:
        """Return a face as an SVG; None where there is none of that number."""
        if not 0 <= face < self._count:
            return None
        colour, motif = divmod(face, len(self._motifs))
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256" color="#fff">'
            f'<circle cx="128" cy="128" r="128" fill="{COLOURS[colour]}"/>'
            f'<g transform="translate(38 38) scale(.7)">{self._motifs[motif]}</g></svg>'
        )


def _is_of_post(presence: Presence) -> bool:
    page = presence.meta.get("page")
    return isinstance(page, str) and page.startswith(POST_PREFIX)


def section_class(anchor: str) -> str:
    """Return the class of a section's number, and what a meta says of it."""
    return f"at-{blake2b(anchor.encode(), digest_size=4).hexdigest()}"


def _find_free(wanted: int, taken: set[int], motifs: int, count: int) -> int:
    """Return the next face whose motif nobody has; else the next that nobody has; else `wanted`."""
    shapes = {face % motifs for face in taken}
    others = [(wanted + step) % count for step in range(count)]
    for face in others[:motifs]:
        if face % motifs not in shapes:
            return face
    return next((face for face in others if face not in taken), wanted)


def read_motifs(path: Path = MOTIFS_FILE) -> dict[str, str]:
    """Return the motifs by their names, as SVG 256 wide and high.

    None where the file cannot be read, which is logged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        log.warning(
            "faces: found no motifs in %s (%s), so there are none; `make install` makes it",
            path.name,
            type(error).__name__,
        )
        return {}
