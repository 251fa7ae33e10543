"""Plain HTML behind nginx and Caddy, as `docs/static-sites.md` has them, in real browsers."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.ports import reserve_port
from tests.setup.tools import find_caddy, find_nginx
from tests.site import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.full]

DOCS = (ROOT / "docs" / "static-sites.md").read_text("utf-8")
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off; types {{ text/html html; text/javascript js; application/xml xml; }}
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {recipe}
}}
"""


def block(language: str) -> str:
    """Return the one block of a language in the docs."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    return str(found)


def write_site(folder: Path, port: int) -> None:
    script, element = block("html").split("…\n")
    for name in ("a", "b"):
        page = folder / name / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(
            f"<!doctype html><html lang=en><head><title>{name}</title>{script}</head>"
            f"<body>{element}</body></html>"
        )
    (folder / "favicon.ico").touch()
    (folder / "sitemap.xml").write_text(
        f"<urlset><url><loc>http://127.0.0.1:{port}/a/</loc></url></urlset>"
    )


def make_proxy(kind: str, folder: Path, port: int, upstream: int) -> list[str]:
    """Write the recipe of the docs, with these ports and this folder; return the command."""
    recipe = block(kind).replace("127.0.0.1:8900", f"127.0.0.1:{upstream}")
    assert "/srv/www" in recipe
    recipe = recipe.replace("/srv/www", str(folder / "www"))
    if kind == "nginx":
        recipe = recipe.replace("listen 80;", f"listen 127.0.0.1:{port};")
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, recipe=recipe))
        return [find_nginx(), "-e", "stderr", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    recipe = recipe.replace("example.org {", f"http://127.0.0.1:{port} {{")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + recipe)
    return [find_caddy(), "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


@contextlib.contextmanager
def run(
    command: list[str], folder: Path, log: Path, environ: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(15)


def wait_for(url: str, status: int, log: Path) -> None:
    asking = urllib.request.Request(url, headers={"HX-Current-URL": url})
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(asking, timeout=5) as answer:
            if answer.status == status:
                return
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_two_tags_show_who_reads_a_file(kind, new_browser: NewBrowser):
    with contextlib.ExitStack() as stack:
        # The embedded Valkey's socket is in it: pytest's own temporary folders are too deep.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp")))
        port, upstream, log = reserve_port(), reserve_port(), folder / "log"
        url = f"http://127.0.0.1:{port}"
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        environ = os.environ | home | {"PYTHONPATH": str(ROOT)}
        write_site(folder / "www", port)
        stack.enter_context(run(make_proxy(kind, folder, port, upstream), folder, log, environ))
        wait_for(f"{url}/sitemap.xml", 200, log)
        wait_for(f"{url}/presence/here", 204, log)  # it is away
        with urllib.request.urlopen(f"{url}/presence/live?page=x", timeout=5) as away:
            assert away.headers["Content-Type"].startswith("text/event-stream")
            assert b"event: busy\nretry: 3000\ndata:\n\n" in away.read()
        serve = [sys.executable, "-m", "flask_presence.cli.serve", "serve"]
        options = ["--bind", f"127.0.0.1:{upstream}", "--pages", f"{url}/sitemap.xml"]
        with run([*serve, *options], folder, log, environ):
            wait_for(f"{url}/presence/presence.js", 200, log)
            contexts = [new_browser(), new_browser()]
            ada, ben = (context.new_page() for context in contexts)
            said: list[str] = []
            ada.on("console", lambda message: said.append(message.text))
            page = ada.goto(f"{url}/a/")
            assert page is not None
            assert "set-cookie" not in page.headers
            assert "default-src 'self'" in page.headers["content-security-policy"]
            expect(ada.locator("p")).to_have_text("1 reading now")
            ben.goto(f"{url}/a/index.html")
            for tab in (ada, ben):
                expect(tab.locator("p")).to_have_text("2 reading now")
            ben.goto(f"{url}/b/")  # which the sitemap has not
            expect(ada.locator("p")).to_have_text("1 reading now")
            assert ben.locator("p").inner_text().strip() == ""
            assert [cookie.get("path") for cookie in contexts[0].cookies()] == ["/presence/live"]
            assert said == []
