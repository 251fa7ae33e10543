"""What is counted, for Prometheus. `docs/watch.md` has every metric, and what to make of it.

Under gunicorn every worker counts in files of its own (`blog.ops.metric_files`), and whichever is
asked adds them up. Nothing here knows a reader, an address or a post: labels are kinds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from blog.ops.counters import PageMetrics, PresenceMetrics, StreamMetrics, live_gauge
from blog.ops.timed_store import RedisMetrics
from flask_presence.tracking import State

# prometheus-client's own variable; `gunicorn.conf.py` sets it. Elsewhere there is one process.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# What only one worker can say, as it is when Prometheus asks: name -> (help, value).
Seen = Mapping[str, tuple[str, Callable[[], float]]]


class Metrics:
    """Every metric of this process, and the answer that adds those of all processes up."""

    def __init__(self, seen: Seen) -> None:
        self._registry = CollectorRegistry()
        self._seen = _SeenHere(seen)
        self.streams = StreamMetrics(self._registry)
        self.presence = PresenceMetrics(self._registry)
        self.redis = RedisMetrics(self._registry)
        self.pages = PageMetrics(self._registry)
        self._workers = live_gauge(self._registry, "viblog_workers", "Workers that serve.")
        self._room = live_gauge(
            self._registry,
            "viblog_streams_room",
            "Streams that may be open, if no address stops it.",
        )

    def start(self, max_streams: int) -> None:
        """Note that this worker serves so many streams, and that its presence is whole so far."""
        self._workers.set(1)
        self._room.set(max_streams)
        self.redis.answered.set(time.time())
        self.presence.note_state(State.WHOLE)

    def answer(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics of all processes, and the type of that text."""
        registry = self._registry
        if FOLDER_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        write, content_type = choose_encoder(accept)
        return write(_Both(registry, self._seen)), content_type

    def describe(self) -> list[tuple[str, str, dict[str, list[str]], str]]:
        """Return name, type, labels with their values, and meaning of every metric."""
        rows = []
        for metric in _Both(self._registry, self._seen).collect():
            labels: dict[str, list[str]] = {}
            for sample in metric.samples:
                for name, value in sample.labels.items():
                    if name != "le" and value not in labels.setdefault(name, []):
                        labels[name].append(value)
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            rows.append((name, metric.type, labels, metric.documentation))
        return rows


class _SeenHere:
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterable[Metric]:
        for name, (text, value) in self._seen.items():
            yield GaugeMetricFamily(name, text, value=value())


class _Both(CollectorRegistry):
    """Two sources as one registry; made anew for each answer."""

    def __init__(self, *sources: CollectorRegistry | _SeenHere) -> None:
        super().__init__()
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        for source in self._sources:
            yield from source.collect()
