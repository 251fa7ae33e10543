"""The numbers on an open page: what they are, and when its frame has to be made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from heapq import nsmallest
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from markupsafe import Markup

from blog.live.count import Count, find_widest
from blog.live.faces import FaceRow, Faces, section_class
from blog.live.recent import Activity, Curve, Opened, Peak
from blog.live.templates import LiveTemplates
from blog.posts.page_names import INDEX_PAGE, NOW_PAGE, POST_PREFIX
from flask_presence.streams.event import join_events
from flask_presence.tracking import Diff, State, Tracker
from flask_presence.web.readers import TOPIC

# How many of the posts with most readers the index names, and how many of its cards can have a
# number: 500 posts with one or two readers each make a frame of 7 KB.
MOST_NAMED = 5
MOST_COUNTED = 500


class PostLink(NamedTuple):
    """What the index says of a post that is being read: its title, as text, and its address.

    `needs_direction` is whether the title, or what is around it, runs from right to left.
    """

    title: str
    address: str
    needs_direction: bool = False


class ReadPost(NamedTuple):
    """A post that is being read, as `templates/live` shows it; `read_by` is by how many."""

    css_class: str
    read_by: Count
    title: str
    address: str
    needs_direction: bool


class OpenedPost(NamedTuple):
    """A post that was opened within the last hour, as `templates/live` shows it."""

    title: str
    address: str
    needs_direction: bool
    times: int
    minutes_ago: int


class LastHour(NamedTuple):
    """What was opened within the last hour, single openings, and today's peak, for templates."""

    opened: tuple[OpenedPost, ...] = ()
    events: tuple[OpenedPost, ...] = ()
    peak: Peak | None = None


class CountSnapshot(NamedTuple):
    """The numbers of a page, and how far they can be believed; equal ones make equal frames.

    `here` is None on a page without a number of its own. `reads` has the readers of each post that
    has some, by page, `named` those with most, and `lately` the last hour: of the index and /now
    only. `curve` is today's, of /now only; `faces` are a post's with 2 to 50 readers; `title`
    is the page's, where its tab shows the number.
    """

    total: Count
    here: Count | None
    state: str
    reads: Mapping[str, Count] | None = None
    named: tuple[ReadPost, ...] = ()
    lately: LastHour | None = None
    curve: Curve | None = None
    title: str = ""
    faces: FaceRow | None = None

    @property
    def has_cards(self) -> bool:
        """Whether its page has cards of posts, with a number each."""
        return self.curve is None

    @property
    def has_sections(self) -> bool:
        """Whether it is known of somebody at which section of the post they are."""
        return self.faces is not None and bool(self.faces.sections)

    def read_targets(self) -> Iterator[tuple[Count, str]]:
        """Yield each number that a card of the index has, with the selector of those cards."""
        by_count: dict[Count, list[str]] = {}
        for page, count in (self.reads or {}).items():
            by_count.setdefault(count, []).append(f".{_class_of(page)}")
        for count, classes in by_count.items():
            yield count, ",".join(classes)

    @property
    def unread_target(self) -> str:
        """The selector of the cards that have no number."""
        others = ",".join(target for _, target in self.read_targets())
        return f".reads:not({others})" if others else ".reads"


# What a frame replaces.
_IN_SPAN = Markup("<span>{}</span>")
# By this the stylesheet shows the faces: a crowd's frame has no word of them.
_IN_ROOM = Markup('<span class="room">{}</span>')


class CountTexts:
    """The live elements of one page, as HTML: the total, this page's own, a notice or "", the dot.

    `faces` are those of its readers, `being_read` is the posts with most readers, `lately` those of
    the last hour, `peak` and `curve` are today's. Without numbers all are "".
    """

    total = here = faces = in_title = notice = being_read = lately = peak = curve = Markup("")
    pulse = Markup("")
    _reads: Mapping[str, Count] = MappingProxyType({})
    _sections: Mapping[str, int] = MappingProxyType({})

    def __init__(self, templates: LiveTemplates, shown: CountSnapshot | None) -> None:
        self._words = words = templates.words
        if shown is None:
            return
        self.total = _IN_SPAN.format(words.online(shown.total))
        if shown.here is not None:
            around = _IN_ROOM if shown.faces else _IN_SPAN
            self.here = around.format(words.reading(shown.here))
            self.in_title = words.in_title(shown.here.tabs)
        if shown.faces is not None:
            self.faces = words.faces(shown.faces)
            self._sections = dict(shown.faces.sections)
        self.pulse = words.pulse()
        self.notice = words.notice(shown.state)
        self.being_read = words.being_read(shown.named)
        if shown.lately is not None:
            self.lately = words.lately(shown.lately)
            self.peak = words.peak(shown.lately.peak)
        if shown.curve is not None:
            self.curve = words.curve(shown.curve)
        self._reads = shown.reads or {}

    def at(self, anchor: str) -> Markup:
        """Return what stands beside a section in the table of contents: how many are there."""
        count = self._sections.get(section_class(anchor))
        return self._words.at_section(count) if count else Markup("")

    def reads(self, post_id: str) -> Markup:
        """Return what stands on a post's card: how many read it, or ""."""
        count = self._reads.get(POST_PREFIX + post_id)
        return self._words.reading(count) if count else Markup("")


def _class_of(page: str) -> str:
    return LiveCounts.reads_class(page.removeprefix(POST_PREFIX))


class LiveCounts:
    """What the pages show of presence. Never waits, never raises.

    O(1), but for the index: that is O(posts being read now). `find_post` names the post of a page,
    or returns None where there is none any more.

    `version` differs as soon as anything that is said here may differ, but for the posts' names.
    `beside(page)` is what its frame has beside the numbers: an event with data only, or b"".
    `is_counting()` is false where nobody is counted, by a server of threads say: then the pages
    show no numbers. `read_activity()` returns what is told of the last hour, None for nothing;
    `faces` is None where there are none.
    `title_of(page)` is a post's whole title, as its tab has it, or "" where that has no number.
    """

    def __init__(
        self,
        tracker: Tracker,
        templates: LiveTemplates,
        *,
        counts_readers: bool,
        find_post: Callable[[str], PostLink | None],
        beside: Callable[[str], bytes] = lambda page: b"",
        is_counting: Callable[[], bool] = lambda: True,
    ) -> None:
        self.version = 0
        tracker.subscribe(self._note_change, topic=TOPIC)
        tracker.subscribe_state(self._note_state)
        self._tracker = tracker
        self._state = tracker.state.value
        self._templates = templates
        self._is_distinct = counts_readers
        self._find_post = find_post
        self._beside = beside
        self._is_counting = is_counting
        self.read_activity: Callable[[], Activity | None] = lambda: None
        self.title_of: Callable[[str], str] = lambda page: ""
        self.faces: Faces | None = None
        self._widest: dict[str, str] = {}
        # Each page's newest frame, and the numbers it was made of: every new reader asks for it,
        # and then the fan-out once for all others.
        self._frames: dict[str, tuple[tuple[CountSnapshot, bytes], bytes]] = {}

    @staticmethod
    def reads_class(post_id: str) -> str:
        """Return the class of the element with a post's number, made so that no id needs an
        escape in CSS.
        """
        return f"reads-{blake2b(post_id.encode(), digest_size=6).hexdigest()}"

    section_class = staticmethod(section_class)

    def fragments(self, page: str) -> CountTexts:
        """Return the live elements of a page; only a post has a number of its own."""
        return CountTexts(self._templates, self._count(page) if self._is_counting() else None)

    def frame(self, page: str) -> bytes:
        """Return the event that brings every live element of a page up to date."""
        shown, beside = self._count(page), self._beside(page)
        made = self._frames.get(page)
        if made is not None and made[0] == (shown, beside):
            return made[1]
        before = made[0][0] if made else None
        arrived = before is not None and shown.total.tabs > before.total.tabs
        told = shown
        if shown.faces is not None and before is not None and before.faces is not None:
            told = shown._replace(faces=shown.faces.with_those_who_left(before.faces))
        frame = self._templates.frame(told, arrived=arrived)
        if beside:
            frame = join_events(frame, beside)
        self._frames[page] = ((shown, beside), frame)
        return frame

    def widest(self, number: str) -> str:
        """Return the widest words that "online" or "reading" can have here, a line each."""
        if number not in self._widest or self._templates.reloads:
            say = getattr(self._templates.words, number)
            self._widest[number] = find_widest(say, counts_readers=self._is_distinct)
        return self._widest[number]

    def greet(self, meta: Mapping[str, Any] | None, tab: str = "") -> bytes:
        """Return the event that tells a tab which face it is; b"" where it has none.

        `tab` is what it says of itself when it tells its section; "" where it need not.
        """
        face = self.faces.read(meta) if self.faces and meta else None
        if self.faces is None or face is None:
            return b""
        return self._templates.you(self.faces.name(face), tab)

    def is_crowd(self, page: str) -> bool:
        """Tell whether a page has too many readers to show any of them."""
        return self.faces is not None and not self.faces.is_room(page)

    def draw_face(self, number: int) -> str | None:
        """Return the picture of a face, as SVG; None where there is none."""
        return self.faces.draw(number) if self.faces else None

    def note_minute(self) -> None:
        """Take note that the activity is another one."""
        self.version += 1

    def describe_now(self, site_url: str) -> dict[str, object]:
        """Return what /now shows, for JSON; posts by their whole address where that is known."""
        shown = self._count(NOW_PAGE)
        lately = shown.lately or LastHour()

        def name(post: ReadPost | OpenedPost, **numbers: int) -> dict[str, object]:
            return {"title": post.title, "url": site_url + post.address, **numbers}

        return {
            "online": shown.total.readers,
            "tabs": shown.total.tabs,
            "state": shown.state,
            "reading": [name(post, readers=post.read_by.readers) for post in shown.named],
            "last_hour": [
                name(post, opened=post.times, minutes_ago=post.minutes_ago)
                for post in lately.opened
            ],
            "most_today": lately.peak and lately.peak._asdict(),
        }

    def _note_change(self, diff: Diff) -> None:
        self.version += 1

    def _note_state(self, state: State) -> None:
        self._state = state.value
        self.version += 1

    def _count(self, page: str) -> CountSnapshot:
        state, total = self._state, self._count_where()
        if page.startswith(POST_PREFIX):
            here = self._count_where(page=page)
            faces = self.faces.row(page) if self.faces else None
            return CountSnapshot(total, here, state, title=self.title_of(page), faces=faces)
        if page not in (INDEX_PAGE, NOW_PAGE):
            return CountSnapshot(total, None, state)
        readers = self._tracker.counts(TOPIC, "page", distinct=True)
        tabs = readers if self._is_distinct else self._tracker.counts(TOPIC, "page")
        reads = {page: Count(readers[page], n) for page, n in tabs.items() if _is_post_page(page)}
        # Among equals, the order of their names: it must not change from one frame to the next.
        most = nsmallest(MOST_COUNTED, reads.items(), key=lambda item: (-item[1].tabs, item[0]))
        named = (
            ReadPost(_class_of(name), n, *post)
            for name, n in most
            if (post := self._find_post(name)) is not None
        )
        shown = CountSnapshot(total, None, state, dict(most), tuple(islice(named, MOST_NAMED)))
        activity = self.read_activity()
        if activity is not None:
            opened, events = map(self._name_opened, (activity.opened, activity.events))
            shown = shown._replace(lately=LastHour(opened, events, activity.peak))
            if page == NOW_PAGE:
                shown = shown._replace(curve=activity.curve)
        return shown if page == INDEX_PAGE else shown._replace(reads={})

    def _name_opened(self, opened: Iterable[Opened]) -> tuple[OpenedPost, ...]:
        return tuple(
            OpenedPost(*post, one.times, one.minutes_ago)
            for one in opened
            if _is_post_page(one.page) and (post := self._find_post(one.page)) is not None
        )

    def _count_where(self, **where: Any) -> Count:
        readers = self._tracker.count(TOPIC, distinct=True, **where)
        return Count(readers, readers if self._is_distinct else self._tracker.count(TOPIC, **where))


def _is_post_page(page: object) -> bool:
    """Tell whether a page is a post's. Whoever writes in Redis may have put anything there."""
    if not (isinstance(page, str) and page.startswith(POST_PREFIX)):
        return False
    # Half a character, which JSON may hold and UTF-8 may not.
    return page.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in page)
