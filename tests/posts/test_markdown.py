"""What a reader gets to see of a post's Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.posts.markup.markdown import Style, render_markdown, render_with_hints
from blog.posts.model import Heading, Post


def write(body: str, title: str = "The title") -> Post:
    return Post(id="a", title=title, description="", date=None, path=Path("a.md"), body=body)


def render(body: str, title: str = "The title") -> str:
    return render_markdown(write(body, title)).html


def test_a_heading_ends_with_a_link_that_says_where_it_goes():
    assert render("## One & `two`") == (
        '<h2 id="one-two">One &amp; <code>two</code>'
        '<a aria-label="Link to “One &amp; two”" class="permalink" href="#one-two">#</a></h2>'
    )


def test_headings_begin_at_h2_and_skip_no_level():
    rendered = render_markdown(write("#### A\n\n###### B\n\n##### C\n\n#### D"))
    assert rendered.headings == (
        Heading(2, "a", "A"),
        Heading(3, "b", "B"),
        Heading(3, "c", "C"),
        Heading(2, "d", "D"),
    )


def test_no_heading_goes_below_h6():
    rendered = render_markdown(write("\n\n".join("#" * level + " x" for level in range(1, 7))))
    assert [heading.level for heading in rendered.headings] == [2, 3, 4, 5, 6, 6]


@pytest.mark.parametrize("heading", ["# The title", "The Title\n=====", "## The *title*"])
def test_the_first_heading_goes_if_it_is_the_title(heading: str):
    assert render(f"{heading}\n\nText.") == "<p>Text.</p>"


def test_only_the_first_heading_is_taken_for_the_title():
    rendered = render_markdown(write("# Other\n\n# The title"))
    assert [heading.text for heading in rendered.headings] == ["Other", "The title"]


def test_equal_headings_have_anchors_of_their_own():
    rendered = render_markdown(write("# Fix\n\n# Fix"))
    assert [heading.anchor for heading in rendered.headings] == ["fix", "fix_1"]


def test_no_heading_takes_an_id_of_the_page():
    rendered = render_markdown(write("# Main\n\n# Live"))
    assert [heading.anchor for heading in rendered.headings] == ["main-section", "live-section"]


def test_headings_in_other_scripts_have_readable_anchors():
    assert render_markdown(write("# 中文")).headings == (Heading(2, "中文", "中文"),)


def test_code_is_coloured_by_class_and_the_keyboard_can_scroll_it():
    assert render("```python\nprint(1)\n```") == (
        '<div class="codehilite" data-language="Python"><pre><code>'
        '<span class="nb">print</span><span class="p">(</span>'
        '<span class="mi">1</span><span class="p">)</span>\n'
        "</code></pre></div>"
    )


@pytest.mark.parametrize("code", ["```text\na < b\n```", "```\na < b\n```", "    a < b"])
def test_code_in_no_language_is_shown_as_it_is(code: str):
    assert render(code) == ('<div class="codehilite"><pre><code>a &lt; b\n</code></pre></div>')


def test_a_table_scrolls_on_its_own_and_has_no_inline_style():
    assert render("| a | b |\n|:-:|--:|\n| 1 | 2 |\n\nText.").replace("\n", "") == (
        '<div aria-label="Table" class="table-scroll" role="region" tabindex="0"><table>'
        '<thead><tr><th class="align-center">a</th><th class="align-right">b</th></tr></thead>'
        '<tbody><tr><td class="align-center">1</td><td class="align-right">2</td></tr></tbody>'
        "</table></div><p>Text.</p>"
    )


def test_a_footnote_and_its_place_link_to_each_other():
    html = render("Text[^n].\n\n[^n]: Foot.")
    assert '<sup id="fnref:n"><a class="footnote-ref" href="#fn:n">1</a></sup>' in html
    assert '<li id="fn:n">' in html
    assert 'href="#fnref:n"' in html


def test_an_admonition_has_its_title():
    assert render("!!! note\n    Mind.") == (
        '<div class="admonition note">\n<p class="admonition-title">Note</p>\n<p>Mind.</p>\n</div>'
    )


@pytest.mark.parametrize("kind", ["Note", "Tip", "Important", "Warning", "Caution"])
def test_an_alert_is_written_as_on_github(kind: str):
    assert render(f"> [!{kind.upper()}]\n> Mind.\n\n> Quote.") == (
        f'<div class="admonition {kind.lower()}">\n<p class="admonition-title">{kind}</p>\n'
        "<p>Mind.</p>\n</div>\n<blockquote>\n<p>Quote.</p>\n</blockquote>"
    )


def test_terms_have_their_definitions():
    assert render("Term\n:   Meaning.").replace("\n", "") == (
        "<dl><dt>Term</dt><dd>Meaning.</dd></dl>"
    )


def test_struck_text_is_written_as_on_github():
    assert render("~~a~~ ~b~") == "<p><del>a</del> ~b~</p>"


def test_quotes_are_smart_only_by_setting_and_never_in_code():
    body = '"It\'s" -- `"a"` ...'
    smart = render_markdown(write(body), Style(smart_quotes=True)).html
    assert render(body) == '<p>"It\'s" -- <code>"a"</code> ...</p>'
    assert smart == ('<p>&ldquo;It&rsquo;s&rdquo; &ndash; <code>"a"</code> &hellip;</p>')


def test_raw_html_passes_through():
    assert render('<video src="/a.mp4" controls>\n</video>') == (
        '<video src="/a.mp4" controls>\n</video>'
    )


def test_an_empty_body_is_empty():
    rendered = render_markdown(write(""))
    assert (rendered.html, rendered.headings) == ("", ())


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("| a |\n|---|\n| GET /users {id} |", "<td>GET /users {id}</td>"),
        ("## Show a user {id}", "Show a user {id}<a "),
        ("`/users/`{id}", "<code>/users/</code>{id}"),
        ("**users**{id} more", "<strong>users</strong>{id} more"),
        ("Text\n{: id }", "<p>Text\n{: id }</p>"),
        ("[a](b){href}", "</a>{href}"),
        ("![a](/b.png){src}", ">{src}</p>"),
        ("| a |\n|---|\n| b {style} |", "<td>b {style}</td>"),
        ("**Note**{sic}", "<strong>Note</strong>{sic}"),
        ("`f`{.a x}", "<code>f</code>{.a x}"),
        ("`f`{x}{.a}", "<code>f</code>{x}{.a}"),
    ],
)
def test_a_word_in_braces_is_text(body: str, shown: str):
    assert shown in render(body)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("**a**{.b #c d=e} f", '<strong class="b" d="e" id="c">a</strong> f'),
        ('[a](/b){: target="_blank" } c {d}', '<a href="/b" target="_blank">a</a> c {d}'),
        ("Text\n{: .small }", '<p class="small">Text</p>'),
        ("## Why? {#why-not}", '<h2 id="why-not">Why?'),
    ],
)
def test_classes_ids_and_values_in_braces_are_attributes(body: str, shown: str):
    assert shown in render(body)


@pytest.mark.parametrize(
    "body",
    [
        "![a](https://[your-host]/logo.png)",
        "![a](//[a)",
        "![a][b]\n\n[b]: http://[c/d.png",
        '<img src="http://[a">',
        "[a](http://[b)",
    ],
)
def test_an_address_that_cannot_be_parsed_is_shown_as_it_was_written(body: str):
    assert "://[" in render(body) or '"//[a"' in render(body)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See [[Other post]].", "a wiki link"),
        ("This is ==marked==.", "a mark"),
        ("##Heading", "a heading without a space"),
        ("```mermaid\ngraph TD\n```", "a diagram in mermaid"),
        ('<iframe src="https://a.example/b"></iframe>', "a frame of “https://a.example/b”"),
    ],
)
def test_what_is_not_read_is_a_hint_on_its_line(text: str, found: str):
    (hint,) = render_with_hints(write(f"Words.\n\n{text}\n"))[1]
    assert hint.line == 3
    assert found in hint.found


@pytest.mark.parametrize(
    "text",
    ["`[[a]]` a == b == c", "[[1]](/b)", "```\n##a ==b== [[c]]\n```", "## A", "<!-- [[a]] -->"],
)
def test_code_and_comparisons_are_no_hints(text: str):
    assert render_with_hints(write(text))[1] == ()
