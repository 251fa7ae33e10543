"""Lighthouse, as on a phone: full marks for the index and for a post."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.setup.tools import CHROMIUM_OPTIONS, LIGHTHOUSE, find_chromium, find_node
from tests.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.alone]

# It waits until nothing is under way on the network; the stream always is.
LOAD_MILLISECONDS = 10_000
FULL_MARKS = {"performance": 1, "accessibility": 1, "best-practices": 1, "seo": 1}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Start a blog that knows its address, as one in the open does."""
    with Site(workers=1, environ={"BLOG_SITE_URL": "https://blog.example"}) as site:
        yield site


@pytest.mark.parametrize("path", ["/blog", "/blog/how-the-counter-works"])
def test_a_page_has_full_marks_and_does_not_shift(site: Site, path: str, tmp_path: Path) -> None:
    found = run_lighthouse(site.url + path, tmp_path / "found.json")
    assert "runtimeError" not in found, found["runtimeError"]
    scores = {name: category["score"] for name, category in found["categories"].items()}
    assert scores == FULL_MARKS, list_losses(found)
    assert found["audits"]["cumulative-layout-shift"]["numericValue"] == 0


def run_lighthouse(url: str, path: Path) -> dict[str, Any]:
    """Look at a page as on a phone, Lighthouse's own default; return what it found."""
    subprocess.run(
        [
            *(find_node(), str(LIGHTHOUSE), url, "--quiet", "--no-enable-error-reporting"),
            *("--output=json", f"--output-path={path}", f"--max-wait-for-load={LOAD_MILLISECONDS}"),
            f"--chrome-flags={' '.join(['--headless=new', *CHROMIUM_OPTIONS])}",
        ],
        env={**os.environ, "CHROME_PATH": find_chromium()},
        timeout=120,
        check=True,
    )
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def list_losses(found: dict[str, Any]) -> list[str]:
    """Return a line for each audit that costs a point."""
    return [
        f"{category}: {audit['id']} {audit['score']} {audit.get('displayValue', '')}"
        f" {json.dumps(audit.get('details', {}).get('items'))[:500]}"
        for category, of_category in found["categories"].items()
        for part in of_category["auditRefs"]
        if part["weight"] and ((audit := found["audits"][part["id"]])["score"] or 0) < 1
    ]
