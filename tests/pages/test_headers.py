"""What a browser is told about a page: what it may do, and how long it may keep it."""

from __future__ import annotations

import gzip
import re
from itertools import count

import pytest
from flask import Flask, Response, abort, template_rendered

from tests.pages.site import ROOT, Numbers, open_site, write_post

PAGES = ["/", "/blog", "/blog/one", "/tags", "/tags/x", "/archive", "/archive/2026", "/about"]


@pytest.fixture
def app():
    return open_site(write_post("one", tags=("x",)))


@pytest.mark.parametrize("path", PAGES)
class TestEveryPage:
    def test_is_answered_304_while_it_is_the_same(self, app, path):
        client = app.test_client()
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
        assert again.data == b""
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Cache-Control"] == "no-cache"

    def test_answers_head_with_the_headers_of_get(self, app, path):
        client = app.test_client()
        get, head = client.get(path), client.head(path)
        assert head.data == b""
        assert head.headers["ETag"] == get.headers["ETag"]
        assert head.headers["Content-Length"] == get.headers["Content-Length"]

    def test_sets_no_cookie_and_varies_by_its_coding_only(self, app, path):
        headers = app.test_client().get(path).headers
        assert "Set-Cookie" not in headers
        assert headers["Vary"] == "Accept-Encoding"

    def test_allows_only_what_is_ours(self, app, path):
        answer = app.test_client().get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        for forbidden in ("style=", "<style", "onclick", "hx-on"):
            assert forbidden not in answer.text

    def test_promises_https_only_over_https(self, app, path):
        client = app.test_client()
        assert "Strict-Transport-Security" not in client.get(path).headers
        secure = client.get(path, base_url="https://blog.example")
        assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_blog_whose_own_address_is_http_promises_no_https():
    app = open_site(write_post("one"), site_url="http://blog.example")
    answer = app.test_client().get("/blog", base_url="https://blog.example")
    assert "Strict-Transport-Security" not in answer.headers


def test_sites_that_settings_name_are_added_to_what_they_may_do():
    stats, news, films = "https://stats.example", "https://news.example", "https://films.example"
    app = open_site(
        write_post("one"), script_hosts=(stats,), form_hosts=(news,), frame_hosts=(films,)
    )
    policy = app.test_client().get("/blog/one").headers["Content-Security-Policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["script-src"] == directives["connect-src"] == f"'self' {stats}"
    assert directives["form-action"] == f"'self' {news}"
    assert directives["frame-src"] == films
    assert "frame-src" not in open_site().test_client().get("/").headers["Content-Security-Policy"]


def test_another_number_is_another_etag():
    """A page kept from a moment ago must not hide that somebody came."""
    one = open_site(write_post("one"), live=Numbers(here="1 reading now")).test_client()
    two = open_site(write_post("one"), live=Numbers(here="2 reading now")).test_client()
    etag = one.get("/blog/one").headers["ETag"]
    assert two.get("/blog/one", headers={"If-None-Match": etag}).status_code == 200


def test_a_stream_is_left_alone(app):
    @app.get("/stream")
    def stream():
        return Response((part for part in ["data: 1\n\n"]), mimetype="text/event-stream")

    with app.test_client().get("/stream") as answer:
        assert "ETag" not in answer.headers
        assert "Cache-Control" not in answer.headers
        assert answer.data == b"data: 1\n\n"


class TestStaticFiles:
    def test_with_the_present_version_are_kept_for_good(self, app):
        client = app.test_client()
        text = client.get("/blog").text
        address = text.split('rel="stylesheet" href="')[1].split('"')[0]
        with client.get(address) as answer:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"

    @pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789ab"])
    def test_with_another_version_are_asked_for_again(self, app, query):
        with app.test_client().get(f"/static/style.css{query}") as answer:
            assert answer.headers["Cache-Control"] == "no-cache"

    def test_that_are_texts_are_sent_compressed_to_who_takes_gzip(self, app):
        client = app.test_client()
        with client.get("/static/style.css") as plain:
            sheet, tag = plain.data, plain.headers["ETag"]
            assert "Content-Encoding" not in plain.headers
            assert plain.headers["Vary"] == "Accept-Encoding"
        headers = {"Accept-Encoding": "gzip, deflate, br"}
        with client.get("/static/style.css", headers=headers) as packed:
            assert packed.headers["Content-Encoding"] == "gzip"
            assert packed.headers["Content-Length"] == str(len(packed.data))
            assert gzip.decompress(packed.data) == re.sub(rb"(?s)/\*.*?\*/", b"/**/", sheet)
            packed_tag = packed.headers["ETag"]
        assert packed_tag == f'{tag[:-1]}-gzip"'
        for known in (tag, packed_tag):
            asked = {**headers, "If-None-Match": known}
            with client.get("/static/style.css", headers=asked) as got:
                assert (got.status_code, got.data) == (304, b"")
        with client.get("/static/style.css", headers={**headers, "Range": "bytes=0-3"}) as part:
            assert (part.status_code, part.data) == (206, sheet[:4])
        with client.head("/static/style.css", headers=headers) as head:
            assert head.headers["Content-Encoding"] == "gzip"

    def test_that_changed_get_another_address(self, tmp_path):
        from blog.pages.assets import Assets

        sheet = tmp_path / "style.css"
        sheet.write_text("a{}")
        assets = Assets(tmp_path)
        before = assets.version("style.css")
        sheet.write_text("a{color:red}")
        assert assets.version("style.css") != before
        assert assets.version("none.css") == ""

    @pytest.mark.parametrize(("name", "asked"), [("u\u0308", "%C3%BC"), ("ü", "u%CC%88")])
    def test_are_found_by_their_names_in_either_form_of_unicode(self, tmp_path, name, asked):
        from blog.pages.assets import install_assets

        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.png").write_bytes(b"picture")
        app = Flask("blog", static_url_path="/static", static_folder=str(tmp_path))
        install_assets(app)
        with app.test_client().get(f"/static/{asked}/{asked}.png") as answer:
            assert answer.data == b"picture"
        for path in (f"{asked}/none.png", f"%00/{asked}", f"../{asked}.png", "%C3%A9/" * 900):
            assert app.test_client().get(f"/static/{path}").status_code == 404

    def test_have_a_stylesheet_under_7_and_a_half_kb_as_it_is_sent(self):
        from blog.pages.assets import Assets

        assert len(Assets(ROOT / "static").compress("style.css")) < 7_500

    @pytest.mark.parametrize(
        ("sheet", "sent"),
        [
            (b"a /* b */ {}\n/* c\n/* d */b{}", b"a /**/ {}\n/**/b{}"),
            (b"""a{content:"/* \\" */"}/* it's */""", b"""a{content:"/* \\" */"}/**/"""),
            (b"a{content:'/*'}b{content:'*/'}", b"a{content:'/*'}b{content:'*/'}"),
            (b"a{background:url(/*.png)}/* b */", b"a{background:url(/*.png)}/**/"),
            (b"a{} /* without an end", b"a{} /* without an end"),
        ],
    )
    def test_that_are_stylesheets_are_sent_without_their_comments(self, tmp_path, sheet, sent):
        from blog.pages.assets import Assets

        (tmp_path / "custom.css").write_bytes(sheet)
        (tmp_path / "custom.txt").write_bytes(sheet)
        assets = Assets(tmp_path)
        assert gzip.decompress(assets.compress("custom.css")) == sent
        assert gzip.decompress(assets.compress("custom.txt")) == sheet

    def test_are_of_htmx_the_two_files_that_a_page_runs(self, app):
        client = app.test_client()
        folder = ROOT / "static" / "vendor" / "htmx.org"
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.js")]
        assert len(names) > 10
        for name in [*names, "package.json"]:
            with client.get(f"/static/vendor/htmx.org/{name}") as answer:
                is_run = name in ("dist/htmx.min.js", "dist/ext/hx-sse.min.js")
                assert answer.status_code == (200 if is_run else 404), name


class TestErrors:
    def test_404_looks_like_the_site_and_opens_no_stream(self, app):
        answer = app.test_client().get("/nowhere")
        assert answer.status_code == 404
        assert "<h1>Nobody is here</h1>\n<p>There is no such page. " in answer.text
        assert 'rel="stylesheet"' in answer.text
        assert "data-hx-" not in answer.text
        assert '<meta name="robots" content="noindex">' in answer.text
        assert "Content-Security-Policy" in answer.headers

    def test_405_says_which_methods_are_answered(self, app):
        answer = app.test_client().post("/blog")
        assert answer.status_code == 405
        assert "<h1>Not that way</h1>" in answer.text
        assert "GET" in answer.headers["Allow"]

    def test_a_page_is_rendered_once_for_each_thing_that_it_differs_by(self, app):
        client = app.test_client()
        rendered = []
        template_rendered.connect(lambda *_, **__: rendered.append(1), app, weak=False)
        for path in ("/nowhere", "/elsewhere"):
            assert "<h1>Nobody is here</h1>" in client.get(path).text
        assert len(rendered) == 1
        here = 'aria-current="page"'
        assert here in client.get("/search?page=99").text
        assert here not in client.get("/blog/none").text
        assert 'href="/below/tags"' in client.get("/no", base_url="http://localhost/below").text

    def test_a_page_has_the_present_stylesheet(self, app, tmp_path):
        sheet = tmp_path / "style.css"
        sheet.write_text("a {}")
        app.extensions["assets"]._folders = (tmp_path,)
        app.extensions["assets"]._now = count(0).__next__
        before, again = (app.test_client().get("/no").text for _ in range(2))
        sheet.write_text("b { color: red }")
        after = app.test_client().get("/no").text
        assert before == again != after
        assert f"style.css?v={app.extensions['assets'].version('style.css')}" in after

    def test_500_does_not_need_what_failed(self, app):
        """Everything that a page asks for is broken, the error's own template included."""

        def fail(*_):
            raise RuntimeError("the library is gone")

        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.add_url_rule("/boom", view_func=fail)
        answer = app.test_client().get("/boom")
        assert answer.status_code == 500
        assert "Something broke on our side" in answer.text
        assert "the library is gone" not in answer.text
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "ETag" not in answer.headers

    def test_500_stands_without_its_template(self, app, monkeypatch):
        monkeypatch.setitem(app.jinja_env.globals, "versioned_static", None)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.add_url_rule("/boom", view_func=lambda: abort(500))
        answer = app.test_client().get("/boom")
        assert answer.status_code == 500
        assert "<h1>Something broke on our side</h1>" in answer.text
