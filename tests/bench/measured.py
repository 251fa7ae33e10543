"""A run of the benchmark, written by hand."""

from __future__ import annotations

from bench.figures import Measurement, Results, Wait

TITLES = {"detached": "Viblog, detached", "generator": "Viblog, generator", "floor": "floor (C)"}


def make_measurement(contestant: str, size: int, **others: object) -> Measurement:
    figures: dict[str, object] = {
        "readers": size,
        "update_cpu_us": 8.0,
        "update_redis_cpu_us": 0.0,
        "updates_per_second": 9.5,
        "reader_bytes": 3072.0,
        "reader_redis_bytes": 0.0,
        "join_cpu_us": 200.0,
        "join_redis_cpu_us": 0.0,
        "storm_readers": size,
        "storm_cpu_seconds": 1.5,
        "storm_seconds": 2.25,
        "join": Wait(0.04, 0.07, 0.08),
        "leave": Wait(0.05, 0.075, 0.0825),
    }
    return Measurement(contestant=contestant, size=size, **(figures | others))  # type: ignore[arg-type]


def make_results(*measurements: Measurement, **others: object) -> Results:
    return Results(
        date="2026-11-24",
        command="make bench",
        machine=(("CPU", "A processor, 2 cores"), ("Kernel", "Linux 6")),
        titles=TITLES,
        measurements=measurements,
        **others,  # type: ignore[arg-type]
    )
