"""What is counted, for Prometheus. `docs/watch.md` has every metric, and what to make of it.

Under gunicorn every worker counts in files of its own (`blog.ops.metric_files`), and whichever is
asked adds them up. Nothing here knows a reader, an address or a post: labels are kinds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector

from flask_presence.streams.observer import Ending, StreamObserver
from flask_presence.tracking import Observer, State

# prometheus-client's own variable; `gunicorn.conf.py` sets it. Elsewhere there is one process.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Values that the answering worker reports for all, read when Prometheus asks: name -> (help,
# value).
Seen = Mapping[str, tuple[str, Callable[[], float]]]

# Lists, posts, and the author's pages.
STREAM_PAGES = ("index", "post", "page")
ANSWERED_PAGES = ("index", "post", "other")
REFUSALS = ("full", "draining", "threads")
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
STEPS = ("append", "heartbeat", "put", "digest", "fetch")

FAN_OUT_BUCKETS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
PACE_BUCKETS = (0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
REDIS_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0)
PAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# A gauge that is the sum of the workers that live.
LiveGauge = partial(Gauge, multiprocess_mode="livesum")

M = TypeVar("M", bound=MetricWrapperBase)


class Metrics:
    """Every metric of this process, and the answer that adds those of all processes up."""

    def __init__(self, seen: Seen) -> None:
        self._registry = registry = CollectorRegistry()
        self.streams = StreamMetrics(registry)
        self.presence = PresenceMetrics(registry)
        self.pages = PageMetrics(registry)
        self._workers = LiveGauge("viblog_workers", "Workers that serve.", registry=registry)
        self._room = LiveGauge(
            "viblog_streams_room",
            "Streams that may be open, if no address stops it.",
            registry=registry,
        )
        self._seen = _SeenHere(seen)
        registry.register(self._seen)

    def start(self, max_streams: int) -> None:
        """Note that this worker serves so many streams, and that its presence is whole so far."""
        self._workers.set(1)
        self._room.set(max_streams)
        self.presence.start()

    def answer(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics of all processes, and the type of that text."""
        registry = self._registry
        if FOLDER_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            registry.register(self._seen)
        write, content_type = choose_encoder(accept)
        return write(registry), content_type

    def describe(self) -> list[tuple[str, str, dict[str, list[str]], str]]:
        """Return name, type, labels with their values, and meaning of every metric."""
        rows = []
        for metric in self._registry.collect():
            labels: dict[str, list[str]] = {}
            for sample in metric.samples:
                for name, value in sample.labels.items():
                    if name != "le" and value not in labels.setdefault(name, []):
                        labels[name].append(value)
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            rows.append((name, metric.type, labels, metric.documentation))
        return rows


class StreamMetrics(StreamObserver):
    """The streams: open ones, what they are sent, and how long that takes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self._opened = _for_each(
            STREAM_PAGES, counter("viblog_streams_opened", "Streams opened.", ["page"])
        )
        self._ended = _for_each(
            [ending.name.lower() for ending in Ending],
            counter(
                "viblog_streams_ended",
                "Streams that have ended: left, too slow, asked to come back, or one tab too many.",
                ["ending"],
            ),
        )
        self._refused = _for_each(
            REFUSALS,
            counter(
                "viblog_streams_refused",
                "Busy answers: no room, the worker stops, or the server has threads only.",
                ["reason"],
            ),
        )
        streams = LiveGauge(
            "viblog_streams", "Streams that are open now.", ["page"], registry=registry
        )
        self._open = _for_each(STREAM_PAGES, streams)
        self._frames = counter(
            "viblog_frames", "Frames sent: first ones and changes; pings are none."
        )
        self._frame_bytes = counter(
            "viblog_frame_bytes", "Their bytes, without the heads of responses."
        )
        self._fan_out = histogram(
            "viblog_fan_out_seconds",
            "Time a worker spends to send one change to all its streams, without its pauses.",
            buckets=FAN_OUT_BUCKETS,
        )
        self._pace = histogram(
            "viblog_pace_seconds",
            "How long a change waits until its sending begins; the pace is BLOG_PACE_SECONDS.",
            buckets=PACE_BUCKETS,
        )

    def opened(self, page: str) -> None:
        kind = _kind_of_stream(page)
        self._opened[kind].inc()
        self._open[kind].inc()

    def ended(self, page: str, ending: Ending) -> None:
        self._ended[ending.name.lower()].inc()
        self._open[_kind_of_stream(page)].dec()

    def refused(self, reason: str) -> None:
        self._refused[reason].inc()

    def sent(self, frames: int, frame_bytes: int) -> None:
        if frames:
            self._frames.inc(frames)
            self._frame_bytes.inc(frames * frame_bytes)

    def fanned_out(self, worked_seconds: float, waited_seconds: float) -> None:
        self._fan_out.observe(worked_seconds)
        self._pace.observe(waited_seconds)


class PresenceMetrics(Observer):
    """This worker's own presences, how well it hears the others, and its calls to Redis."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        self._joins = counter(
            "viblog_joins", "Presences that joined: tabs, also those that come back."
        )
        self._leaves = counter(
            "viblog_leaves", "Presences that left; not those of a worker that was killed."
        )
        self._gaps = counter(
            "viblog_presence_gaps",
            "Gaps: others' messages that were lost, and made up for by a fetch.",
        )
        self._deaf = counter(
            "viblog_presence_deaf",
            "Subscriptions that brought nothing any more, and were replaced.",
        )
        states = LiveGauge(
            "viblog_presence_workers",
            "Workers by how far their numbers can be believed.",
            ["state"],
            registry=registry,
        )
        self._states = _for_each([state.value for state in State], states)
        seconds = Histogram(
            "viblog_redis_seconds",
            "Calls to Redis that were answered; their count says how many writes, puts, digests.",
            ["step"],
            buckets=REDIS_BUCKETS,
            registry=registry,
        )
        self._seconds = _for_each(STEPS, seconds)
        self._failures = _for_each(
            STEPS,
            counter(
                "viblog_redis_failures", "Calls to Redis that failed or took too long.", ["step"]
            ),
        )
        self._lost_slots = counter(
            "viblog_slots_lost",
            "Slots that were not in Redis any more as their worker knew them; a put follows.",
        )
        self._answered = Gauge(
            "viblog_redis_answered_timestamp_seconds",
            "When Redis last answered the worker that waits longest; Unix time.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        # At once: the least of all workers would else be 0 while one of them starts.
        self._answered.set(time.time())

    def start(self) -> None:
        """Note that all is well so far."""
        self._answered.set(time.time())
        self.note_state(State.WHOLE)

    def changed(self, joins: int, leaves: int) -> None:
        if joins:
            self._joins.inc(joins)
        if leaves:
            self._leaves.inc(leaves)

    def missed(self) -> None:
        self._gaps.inc()

    def went_deaf(self) -> None:
        self._deaf.inc()

    def answered(self, step: str, seconds: float) -> None:
        self._seconds[step].observe(seconds)
        self._answered.set(time.time())

    def failed(self, step: str) -> None:
        self._failures[step].inc()

    def lost_slot(self) -> None:
        self._lost_slots.inc()

    def note_state(self, state: State) -> None:
        """Note how far this worker's numbers can be believed."""
        for value, gauge in self._states.items():
            gauge.set(value == state.value)


class PageMetrics:
    """The answers to page requests: how long they take, and how they went."""

    def __init__(self, registry: CollectorRegistry) -> None:
        seconds = Histogram(
            "viblog_page_seconds",
            "Answers to requests that are no streams.",
            ["page"],
            buckets=PAGE_BUCKETS,
            registry=registry,
        )
        answers = Counter(
            "viblog_answers",
            "Answers, by the class of their status.",
            ["status"],
            registry=registry,
        )
        self._seconds = _for_each(ANSWERED_PAGES, seconds)
        self._answers = _for_each(CLASSES, answers)

    def answered(self, path: str, status: str, seconds: float) -> None:
        """Time an answer. `status` is what WSGI has: `200 OK`."""
        self._seconds[_kind_of_answer(path)].observe(seconds)
        answers = self._answers.get(f"{status[:1]}xx")
        if answers is not None:
            answers.inc()


class _SeenHere:
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterable[Metric]:
        for name, (text, value) in self._seen.items():
            yield GaugeMetricFamily(name, text, value=value())


def _for_each(values: Iterable[str], metric: M) -> dict[str, M]:
    """Return a metric for each value of its label: all are there, as 0, from the start."""
    return {value: metric.labels(value) for value in values}


def _kind_of_answer(path: str) -> str:
    if path.startswith("/blog/"):
        return "post"
    return {"/": "index", "/blog": "index"}.get(path, "other")


def _kind_of_stream(page: str) -> str:
    if page == "index":
        return page
    return "post" if page.startswith("blog/") else "page"
