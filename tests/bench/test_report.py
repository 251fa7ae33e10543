"""The table and the page show the measured figures."""

from __future__ import annotations

import re

import pytest

from bench.figures import Idle, Returning, Wait
from bench.report import print_results, short, write_page
from tests.bench.measured import make_measurement, make_results

RESULTS = make_results(
    make_measurement(
        "detached",
        5_000,
        update_cpu_us=9.812,
        update_redis_cpu_us=0.25,
        reader_redis_bytes=512.0,
        leave=Wait(0.0009, 0.012, 10.25),
        idle=Idle(cores=0.0016, empty_cores=0.0011),
        page_quiet_seconds=0.0025,
        page_storm_seconds=0.005,
    ),
    make_measurement("floor", 5_000, update_cpu_us=7.8),
    make_measurement("floor", 100),
    make_measurement("detached", 18_000, readers=9_750),
    missing={"generator": "it is away"},
    returning=Returning(readers=10_000, wait=Wait(6.5, 13.25, 14.5), page_seconds=0.131),
)


COLUMNS = ["CPU/update, µs", "updates/s", "memory/reader, KB", "join seen, ms", "leave seen, ms"]
COLUMNS += ["CPU/join, µs", "storm CPU, s", "storm, s"]
JOIN, LEAVE = "40.0 / 70.0 / 80.0", "50.0 / 75.0 / 82.5"
REST = ["200", "1.50", "2.25"]


def printed_lines() -> list[str]:
    return "\n".join(print_results(RESULTS)).splitlines()


def test_the_table_goes_from_few_readers_to_many():
    cells = [re.split(r"\s{2,}", line.strip()) for line in printed_lines()]
    assert cells == [
        [""],
        ["100 readers"],
        COLUMNS,
        ["floor (C)", "8.00", "9.50", "3.00", JOIN, LEAVE, *REST],
        [""],
        ["5,000 readers"],
        COLUMNS,
        [
            "Viblog, detached",
            *("9.81 (0.25)", "9.50", "3.00 (0.50)", JOIN, "0.90 / 12.0 / 10,250", *REST),
        ],
        ["floor (C)", "7.80", "9.50", "3.00", JOIN, LEAVE, *REST],
        [""],
        ["18,000 readers"],
        COLUMNS,
        ["Viblog, detached, 9,750 readers", "8.00", "9.50", "3.00", JOIN, LEAVE, *REST],
        [""],
        ["idle, % of a core"],
        ["no reader", "with readers", "readers", "per 1,000 readers"],
        ["Viblog, detached", "0.110", "0.160", "5,000", "0.010"],
        [""],
        [
            "A page beside 5,000 streams, the slowest of a hundred: 2.50 ms in quiet, "
            "5.00 ms while 200 readers join each second."
        ],
        [
            "After a deploy 10,000 readers are back at one worker in 6.50 s (half), "
            "13.2 s (99 %), 14.5 s (the last); the slowest page meanwhile took 131 ms."
        ],
        ["Not measured: Viblog, generator; it is away."],
    ]


def test_the_columns_of_the_table_stand_below_each_other():
    lines = printed_lines()
    head, *rows = lines[6:9]
    assert head.startswith(" ")
    assert {len(row) for row in rows} == {len(head)}
    assert head.index("updates/s") + len("updates/s") == rows[0].index("9.50") + len("9.50")


def test_a_failure_is_in_the_table():
    failed = make_results(failures=("The stub: told 21",))
    assert list(print_results(failed)) == ["", "FAILED: The stub: told 21"]


def test_the_page_has_the_machine_the_command_and_every_table():
    page = write_page(RESULTS)
    assert "Measured on 2026-11-24 by `make bench`:" in page
    assert "| CPU | A processor, 2 cores |" in page
    assert page.count("\n### ") == 5  # three sizes, idle, and a deploy
    assert "### 5,000 readers\n\n| | CPU/update, µs | updates/s |" in page
    assert "| Viblog, detached | 9.81 (0.25) | 9.50 | 3.00 (0.50) | 40.0 / 70.0 / 80.0 |" in page
    assert "| Viblog, detached | 0.110 | 0.160 | 5,000 | 0.010 |" in page
    assert "Not measured: Viblog, generator; it is away." in page
    assert "$" not in page


def test_every_table_of_the_page_is_whole():
    """A line of a Markdown table has as many cells as the rule below its head."""
    width = 0
    for line in write_page(RESULTS).splitlines():
        cells = line.count("|") - 1 if line.startswith("|") else 0
        if not cells:
            width = 0
        elif width:
            assert cells == width, line
        width = cells


def test_the_page_names_every_column_of_the_table():
    explained = write_page(make_results())
    for column in COLUMNS:
        name = column.split(",")[0].removesuffix(" seen").removesuffix(" CPU")
        assert re.search(rf"- \*\*.*{name}.*:\*\*", explained), column


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.004, "0"),
        (0.006, "0.01"),
        (-0.5, "-0.50"),
        (0.123, "0.12"),
        (7.847, "7.85"),
        (9.999, "10.0"),
        (12.34, "12.3"),
        (99.96, "100"),
        (123.4, "123"),
        (10_031.2, "10,031"),
    ],
)
def test_a_number_has_three_digits_that_count(number, text):
    assert short(number) == text
