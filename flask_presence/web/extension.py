"""The Flask extension: who has a page open, shown live, in any template.

presence = Presence()
presence.init_app(app)

{{ presence.counter("page:42") }}  {{ presence.total() }}  {{ presence.script() }}
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, g, request, send_from_directory, url_for
from markupsafe import Markup

from ..streams.stream import PATH
from ..tracking import ROOM, Diff
from . import htmx
from .app_presence import TAB_INPUT, THREADS, UNSIGNED, AppPresence, Hooks, Shown
from .elements import COUNTER, LIST, TOTAL, Element, Words
from .identity import hide_key
from .lists import Fetch
from .own_meta import TOPIC, TRACKED_BY_APPLICATION, Meta, check_added, read_added

if TYPE_CHECKING:
    from ..tracking import Tracker

Change = Mapping[str, Any] | Callable[[Meta], Mapping[str, Any]]
# Presence.list hides the built-in of that name in the class.
Metas = list[dict[str, Any]]

_TAG_FORM = re.compile(r"[a-z][a-z0-9-]*")
_STREAM = Markup(
    '<div hx-sse:connect="{}" hx-sse:close="park" hx-swap="none" hx-sync="drop"'
    ' hx-trigger="intersect once, focus from:window, htmx:error delay:5s,'
    ' htmx:after:request delay:10s"></div>'
)
# One request after the other: two at a time may reach two workers, and overtake each other.
_POST = Markup(
    'hx-post="{}" hx-swap="none" hx-include=".presence-tab" hx-sync="closest body:queue all"'
)


class Presence:
    """Presence for a Flask application: who has which page open.

    `counter_words(count)` and `total_words(count)` say a number; "2 reading now" and "5 online" by
    default. Settings are `PRESENCE_…` in the application's config, else in the environment.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        counter_words: Words = lambda count: f"{count} reading now",
        total_words: Words = lambda count: f"{count} online",
    ) -> None:
        self._words = counter_words, total_words
        self._hooks = Hooks()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Give an application's templates `presence`, and answer its pages' streams.

        Raises `RuntimeError` without a `SECRET_KEY`, and for an application that has one already.
        """
        if "presence" in app.extensions:
            raise RuntimeError("presence: found it on this app already, expected one init_app")
        if not app.secret_key:
            raise RuntimeError(UNSIGNED)
        state = app.extensions["presence"] = AppPresence(app, self._hooks, self._words)
        app.jinja_env.globals["presence"] = self
        rule = f"{state.url_prefix}{PATH}/htmx/<path:name>"
        app.add_url_rule(rule, "presence.htmx", _send_htmx)

    # -- What an application says ----------------------------------------------------------------

    def key(self, function: Callable[[], str | None]) -> Callable[[], str | None]:
        """Decorate a function that returns the user's id in a request; None counts the browser."""
        self._hooks.key = function
        return function

    def may_watch(self, function: Callable[[str], bool]) -> Callable[[str], bool]:
        """Decorate a function that decides in a request whether the client may see a topic."""
        self._hooks.may_watch = function
        return function

    def meta(self, function: Callable[[str], Mapping[str, Any]]) -> Callable[[str], Any]:
        """Decorate a function that adds to the meta of a page that opens, given its topic.

        It is called in a request of that page, and returns a dict that JSON can hold, of at most 1
        KB.
        """
        self._hooks.meta = function
        return function

    def on_update(self, function: Callable[[str, Meta], Any]) -> Callable[[str, Meta], Any]:
        """Decorate a function that decides what a page may change in its own meta.

        It gets the topic and the present meta, in a request whose `form` holds what the page sent,
        and returns the changes, or None for no change. See `post`.
        """
        self._hooks.on_update = function
        return function

    def fetch(self, function: Fetch) -> Fetch:
        """Decorate a function that gets what `list` is about to show, and returns it extended.

        `fetch(topic, presences)` is called once for a whole list, and may wait, say for a database.
        A frame does not wait for it: what it returned is in the next frame.
        """
        self._hooks.fetch = function
        return function

    def on_diff(self, topic: str) -> Callable[[Callable[[Diff], None]], Callable[[Diff], None]]:
        """Decorate a function that is told of the joins and leaves of a topic; it must not wait."""

        def decorate(listener: Callable[[Diff], None]) -> Callable[[Diff], None]:
            def tell(diff: Diff) -> None:
                joins, leaves = (
                    tuple(one for one in part if one.meta.get("page") == topic)
                    for part in (diff.joins, diff.leaves)
                )
                if joins or leaves:
                    listener(Diff(joins=joins, leaves=leaves))

            self._tracker.subscribe(tell, topic=TOPIC)
            return listener

        return decorate

    # -- Phoenix Presence's calls ----------------------------------------------------------------

    def count(self, topic: str) -> int:
        """Return how many have a page of a topic open. O(1)."""
        return self._state.count(page=topic)

    def count_all(self) -> int:
        """Return how many have any page open. O(1)."""
        return self._state.count()

    def list(
        self,
        topic: str,
        *keys: str,
        caller: Callable[..., Markup] | None = None,
        room: int = ROOM,
        first: int = 0,
        tag: str = "div",
        watch: bool = False,
    ) -> Any:
        """Return who is on a topic: `{key: {"metas": [meta, …]}}`, all keys or those named.

        In a template, called with a block, it is the live list of them, as the block says it: `{%
        call(metas, count) presence.list(topic) %}…{% endcall %}`. It is the same for all readers:
        the block sees the metas, their count, and what the whole file has, but nothing of one
        request. With more than `room` present the list is empty; otherwise it shows the `first` so
        many, or all. `tag` is the HTML element around them.
        """
        _check_topic(topic)
        if caller is not None:
            if not _TAG_FORM.fullmatch(tag):
                raise ValueError(f"presence: found the tag {tag!r}, expected one such as ul")
            element = Element(LIST, topic, room=room, first=first, tag=tag)
            return self._show(element, watch=watch, has_block=True)
        found = keys or {p.key: None for p in self._state.roster.iterate(topic)}
        presences = {key: {"metas": self.get_by_key(topic, key)} for key in found}
        presences = {key: entry for key, entry in presences.items() if entry["metas"]}
        fetch = self._hooks.fetch
        return fetch(topic, presences) if fetch and presences else presences

    def get_by_key(self, topic: str, key: str) -> Metas:
        """Return the metas of one key on a topic, each with its `ref`; empty where there are none.

        `key_of` returns the key of a user.
        """
        return [
            {**read_added(meta), "ref": meta["ref"]}
            for meta in self._tracker.get_by_key(TOPIC, key)
            if meta.get("page") == topic
        ]

    def key_of(self, user_id: str) -> str:
        """Return the key of a user, by what the function decorated with `key` returns."""
        return hide_key(current_app.secret_key, user_id)

    def track(self, owner: Hashable, topic: str, key: str, meta: Mapping[str, Any]) -> str:
        """Count `key` on a topic until `owner` untracks it; return the ref.

        For other things than open pages: a call, a job, a game. If the owner is a greenlet, its end
        untracks. Raises `AlreadyTrackedError`, and `ValueError` for what no meta may hold.
        """
        from gevent import Greenlet

        _check_topic(topic)
        own = {"page": topic, "joined_at": int(time.time() * 1000), "tab": TRACKED_BY_APPLICATION}
        ref = self._tracker.track((owner, topic), TOPIC, key, {**check_added(meta), **own})
        if isinstance(owner, Greenlet):
            untrack = self._tracker.untrack
            owner.link(lambda _: untrack((owner, topic), TOPIC, key))
        return ref

    def untrack(self, owner: Hashable, topic: str, key: str | None = None) -> None:
        """Stop counting what `owner` tracks on a topic: all of it, or one key. Idempotent."""
        self._tracker.untrack((owner, topic), TOPIC, key)

    def update(self, owner: Hashable, topic: str, key: str, meta: Change) -> str:
        """Replace a tracked meta, by a mapping or a function of the old one; return the new ref.

        Raises `NotTrackedError`, and what `track` does.
        """

        def replace(old: Meta) -> Mapping[str, Any]:
            own = {name: old[name] for name in ("page", "joined_at", "tab")}
            return {**check_added(meta(read_added(old)) if callable(meta) else meta), **own}

        return self._tracker.update((owner, topic), TOPIC, key, replace)

    # -- Templates -------------------------------------------------------------------------------

    def counter(
        self, topic: str, *, watch: bool = False, caller: Callable[..., Markup] | None = None
    ) -> Markup:
        """Return the live number of tabs on a topic. The reader of this page counts on that topic.

        With `watch` the page shows the number and does not count. A page counts on one topic only:
        the first that it shows without `watch`. A block says it in other words:
        `{% call(count) presence.counter(topic) %}…{% endcall %}`. Raises `TypeError` for a topic
        that is no text.
        """
        _check_topic(topic)
        return self._show(Element(COUNTER, topic), watch=watch, has_block=caller is not None)

    def total(self, *, caller: Callable[..., Markup] | None = None) -> Markup:
        """Return the live number of tabs on all pages; a block says it in other words."""
        return self._show(Element(TOTAL), watch=True, has_block=caller is not None)

    def post(self) -> Markup:
        """Return the attributes of an element that sends its value, to change the page's own meta.

        Its `hx-trigger` says when, as usual in htmx; the function decorated with `on_update`
        decides what changes. The changes of a page are sent one after the other.
        """
        _shown()["changes"] = True
        return _POST.format(self._path)

    def script(self) -> Markup:
        """Return the HTML that loads htmx and opens the page's stream, for the end of the body.

        It is empty for a page without numbers, and does not load htmx if PRESENCE_HTMX is "0". If
        nobody is counted it is a notice that says why.
        """
        shown, state = _shown(), self._state
        page = Shown(shown["topic"], tuple(shown["elements"]), shown["changes"])
        if not page.elements:
            return Markup("")
        if not state.is_counting:
            return Markup('<p class="presence-notice" role="status">{}</p>').format(THREADS)
        stream = _STREAM.format(f"{self._path}?{htmx.stream_query(state.sign(page))}")
        if page.changes:
            stream += TAB_INPUT.format("")
        if state.read_setting("HTMX", "1") == "0":
            return stream
        scripts = Markup("").join(
            Markup('<script src="{}" integrity="{}"></script>').format(
                url_for("presence.htmx", name=name), htmx.integrity_of(name)
            )
            for name in htmx.FILES
        )
        meta = Markup('<meta name="htmx-config" content="{}">').format(
            json.dumps(htmx.make_config())
        )
        return stream + meta + scripts

    def _show(self, element: Element, *, watch: bool, has_block: bool) -> Markup:
        """Return an element of this request's page, which the page's stream will update."""
        state, block, shown = self._state, None, _shown()
        state.root = request.script_root
        if has_block:
            block = state.elements.find_block()
            element = element._replace(template=block.name.template, digest=block.name.digest)
        shown["elements"][element] = None
        if not watch and not shown["topic"]:
            shown["topic"] = element.topic
        if not state.is_counting:
            return Markup("")
        # Its reader counts on it in a moment, and so never sees a zero.
        counts = element.kind == TOTAL or (not watch and element.topic == shown["topic"])
        return state.elements.write(element, block, at_least=int(counts))

    @property
    def _path(self) -> str:
        return request.script_root + self._state.url_prefix + PATH

    @property
    def _state(self) -> AppPresence:
        state: AppPresence = current_app.extensions["presence"]
        return state

    @property
    def _tracker(self) -> Tracker:
        tracker: Tracker = self._state.service.tracker
        return tracker


def _check_topic(topic: object) -> None:
    if not isinstance(topic, str) or not topic:
        raise TypeError(f"presence: found the topic {topic!r}, expected a str that says what it is")


def _shown() -> dict[str, Any]:
    """Return what the page of this request has shown so far."""
    if "presence" not in g:
        g.presence = {"topic": "", "elements": {}, "changes": False}
    found: dict[str, Any] = g.presence
    return found


def _send_htmx(name: str) -> Any:
    if name not in htmx.FILES:
        return "", 404
    return send_from_directory(htmx.find_folder(), name, max_age=31_536_000)
