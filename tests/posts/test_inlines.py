"""Escapes, references and asterisks, as readers of GitHub and Hugo know them."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from blog.posts.markup.markdown import render_markdown
from blog.posts.model import Post


def render(body: str) -> str:
    post = Post(id="a", title="The title", description="", date=None, path=Path("a.md"), body=body)
    return render_markdown(post).html


VEC = '<a href="https://example.org/vec">'


@pytest.mark.parametrize(
    ("use", "definition", "shown"),
    [
        ("[`Vec`]", "[`Vec`]", f"{VEC}<code>Vec</code></a>"),
        ("[`Vec`][]", "[`Vec`]", f"{VEC}<code>Vec</code></a>"),
        ("[the docs][`Vec`]", "[`Vec`]", f"{VEC}the docs</a>"),
        ("[a `b` c]", "[a `b`  C]", f"{VEC}a <code>b</code> c</a>"),
        ("[a][``b` ``]", "[``b` ``]", f"{VEC}a</a>"),
        (r"[a\!b][]", r"[a\!b]", f"{VEC}a!b</a>"),
        (r"[x][a\]b]", r"[a\]b]", f"{VEC}x</a>"),
        ("![p][`Vec`]", "[`Vec`]", '<img alt="p" decoding="async" loading="lazy"'),
        ("[Straße]", "[STRASSE]", f"{VEC}Straße</a>"),
        ("[a\nb]", "[a b]", f"{VEC}a\nb</a>"),
    ],
)
def test_the_label_of_a_reference_is_looked_up_as_it_was_written(use, definition, shown):
    assert shown in render(f"{use}\n\n{definition}: https://example.org/vec")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("[x] [y]", '<a href="/1">x</a> <a href="/2">y</a>'),
        ("[x]\n[y]", '<a href="/1">x</a>\n<a href="/2">y</a>'),
        ("[x][] [y]", '<a href="/1">x</a> <a href="/2">y</a>'),
        ("![x] ![y] z", 'src="/1"> <img alt="y"'),
        ("[x][y]", '<a href="/2">x</a>'),
        ("[x][z]", "[x][z]"),
        ("[z][x][y]", '<a href="/1">z</a><a href="/2">y</a>'),
    ],
)
def test_a_label_stands_right_behind_its_text(body: str, shown: str):
    assert shown in render(f"{body}\n\n[x]: /1\n[y]: /2")


def test_of_two_definitions_of_one_reference_the_first_counts():
    assert render("[a]\n\n[a]: /1\n[A]: /2") == '<p><a href="/1">a</a></p>'


@pytest.mark.parametrize("sign", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
def test_a_backslash_before_any_ascii_punctuation_goes(sign: str):
    shown = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(sign, sign)
    assert render(f"a \\{sign}b{sign}") == f"<p>a {shown}b{shown}</p>"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (r"The element \<details> hides.", "The element &lt;details&gt; hides."),
        (r"\<b>, \<!-- c -->, \</div>", "&lt;b&gt;, &lt;!-- c --&gt;, &lt;/div&gt;"),
        (r"\&copy; \a \é `\<b>`", r"&amp;copy; \a \é <code>\&lt;b&gt;</code>"),
        (r'[a](/b\_c "d \"e\" \<")', '<a href="/b_c" title="d &quot;e&quot; &lt;">a</a>'),
        ("[a]\n\n[a]: /b\\_c", '<a href="/b_c">a</a>'),
    ],
)
def test_an_escaped_sign_means_nothing(body: str, shown: str):
    assert render(body) == f"<p>{shown}</p>"


@pytest.mark.parametrize(
    "text",
    [
        "Call f(*args, **kwargs) and g(*args, **kwargs) now.",
        "func a(x *T, y []*U)",
        "int *a, *b; char **c",
        "a * b * c, 2 ** 3",
        "(*a)(*b)",
    ],
)
def test_asterisks_that_can_neither_open_nor_close_stay(text: str):
    assert render(text) == f"<p>{text}</p>"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("*a* **b**", "<em>a</em> <strong>b</strong>"),
        ("a*b*c", "a<em>b</em>c"),
        ("(**a**), “*b*”", "(<strong>a</strong>), “<em>b</em>”"),
        ("**`a`** *[b](/c)*", '<strong><code>a</code></strong> <em><a href="/c">b</a></em>'),
        ("**重点。**然后", "<strong>重点。</strong>然后"),
        ("**`a`**的", "<strong><code>a</code></strong>的"),
        ("**2*3** x", "<strong>2*3</strong> x"),
        ("**中*文**", "<strong>中*文</strong>"),
        ("a **b*c*d** e", "a <strong>b<em>c</em>d</strong> e"),
        ("*a**b*", "<em>a**b</em>"),
        ("*a**b**c**d*", "<em>a<strong>b</strong>c**d</em>"),
        ("__a_b__ *c*", "<strong>a_b</strong> <em>c</em>"),
    ],
)
def test_asterisks_around_words_are_emphasis(body: str, shown: str):
    assert render(body) == f"<p>{shown}</p>"


@pytest.mark.parametrize(
    ("text", "address", "after"),
    [
        ("See https://a.example/b_c_d. Next", "https://a.example/b_c_d", ". Next"),
        ("(https://a.example/b(c))", "https://a.example/b(c)", ")"),
        ("“http://a.example:8080/?b=1”, c", "http://a.example:8080/?b=1”", ", c"),
        ("www.a.example/b!", "www.a.example/b", "!"),
        ("https://a.example/__init__.py", "https://a.example/__init__.py", ""),
        ("https://a.example/b*c", "https://a.example/b*c", ""),
        ("https://a.example?b&copy; c", "https://a.example?b", "&copy; c"),
        ("见 https://a.example。然后", "https://a.example", "。然后"),
        ('{{< figure src="https://a.example/b.png" >}}', "https://a.example/b.png", '"'),
        ("a='https://a.example' b", "https://a.example", "'"),
        ("=https://a.example", "https://a.example", ""),
        ("server https://a.example;", "https://a.example", ";"),
        ("https://a.example/b;c;);", "https://a.example/b;c", ";);"),
        ("https://a.example/b&copy;;", "https://a.example/b", "&copy;;"),
        ("www.a.example;", "www.a.example", ";"),
        ("git+https://a.example", "https://a.example", ""),
        ("ftp://a.example/b.", "ftp://a.example/b", "."),
        ("HTTPS://A.EXAMPLE", "HTTPS://A.EXAMPLE", ""),
        ("https://b_c.a.example", "https://b_c.a.example", ""),
        ("mailto:ada@a.example.", "mailto:ada@a.example", "."),
        ("*www.a.example*", "www.a.example", "</em>"),
        (r"https://a.example/b\_c\_d", "https://a.example/b_c_d", ""),
        ("https://a.example/b\\\nc", "https://a.example/b", "<br>"),
        ("[https://a.example/b]", "https://a.example/b", "]"),
        ("[https://a.example/][1]", "https://a.example/", "][1]"),
        ("https://a.example/b[1] c", "https://a.example/b[1]", " c"),
        ("https://a.example/`b`", "https://a.example/", "<code>b</code>"),
    ],
)
def test_a_bare_address_is_a_link(text: str, address: str, after: str):
    target = f"http://{address}" if address.startswith("www") else address
    assert f'<a href="{target}">{address}</a>{after}' in render(text)


@pytest.mark.parametrize(
    "text",
    [
        "`https://a.example`",
        "https://",
        "www.a",
        "xhttps://a.example",
        "https://[a",
        "可视的。www.a.example",
        '"www.a.example"',
        "https://a_b.example",
        "a@b",
        "react@18.2.0",
        "@a.example",
        "`a@b.example`",
        "**a**{: data-b=https://a.example }",
        "*a*{title='see https://a.example'}",
    ],
)
def test_what_is_no_address_or_in_code_is_no_link(text: str):
    assert "<a" not in render(text)


@pytest.mark.parametrize(
    ("text", "mail"),
    [
        ("Write to ada.l+x@a.example, please", "ada.l+x@a.example"),
        ("(a_b@c-d.example)", "a_b@c-d.example"),
        ("邮箱a@b.example。", "a@b.example"),
        ("git clone git@a.example:b/c", "git@a.example"),
    ],
)
def test_a_bare_mail_address_is_a_link(text: str, mail: str):
    assert f'<a href="mailto:{mail}">{mail}</a>' in render(text)


@pytest.mark.parametrize("address", ["doi:10.1/2", "tel:+1", "x-y.z:a&amp;b", "irc://a/b"])
def test_angle_brackets_make_a_link_of_every_scheme(address: str):
    assert f'<a href="{address}">{address}</a>' in render(f"<{address}>")


@pytest.mark.parametrize("text", ["<a:b c>", "<1a:b>", "<a :b>", "<a:>b<"])
def test_what_is_no_address_in_angle_brackets_is_text(text: str):
    assert "href" not in render(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[[#1](/a)](/b)", '[<a href="/a">#1</a>](/b)'),
        ("[x [y](/a) *z*](/b)", '[x <a href="/a">y</a> <em>z</em>](/b)'),
        ("[a [b [c](/c) d](/d) e](/e)", '[a [b <a href="/c">c</a> d](/d) e](/e)'),
        ("[a [b] c](/d)", '<a href="/d">a [b] c</a>'),
        ("[a [b](c](/d)", '<a href="/d">a [b](c</a>'),
        ("[[a](/b)](/c) [[d](/e)](/f)", '[<a href="/b">a</a>](/c) [<a href="/e">d</a>](/f)'),
    ],
)
def test_of_a_link_in_a_link_the_inner_one_is(text: str, shown: str):
    assert render(text) == f"<p>{shown}</p>"


@pytest.mark.parametrize(
    ("text", "alt"),
    [
        ("a *b* __c__ ~~d~~", "a b c d"),
        ("holes ([`A_B`](/x))", "holes (A_B)"),
        ("`a*b*` h_i_j", "a*b* h_i_j"),
        ("see <https://a.example>", "see https://a.example"),
        ("[*a*](/b) <b>c</b>", "a c"),
        ("\\*a\\* &copy;", "*a* &copy;"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_the_text_of_an_image_has_no_marks(text: str, alt: str):
    for body in (f"![{text}](/p)", f"![{text}][r]\n\n[r]: /p", f"[![{text}](/p)](/d)"):
        assert f'<img alt="{alt}"' in render(body)


def test_an_image_in_a_link_is_linked():
    assert '<a href="/c"><img alt="a"' in render("[![a](/b)](/c)")


@pytest.mark.parametrize(
    "body",
    [
        "[https://a.example](/b)",
        "[see **https://a.example**](/b)",
        '<a href="/b">https://a.example</a>',
        '<a href="/b">*see* www.a.example</a>',
        "<https://a.example>",
        '![https://a.example](/b) <a href="https://a.example">c</a>',
    ],
)
def test_no_link_stands_in_a_link(body: str):
    assert render(body).count("<a") == 1 - body.startswith("![") + ("<a" in body[1:])


def test_strong_text_may_be_a_bare_address():
    shown = '<p><strong><a href="https://a.example">https://a.example</a></strong></p>'
    assert render("**https://a.example**") == shown


@pytest.mark.parametrize(
    "piece",
    [
        '[a](b"c)',
        "https://a.b/]",
        "*a **b",
        "_a* ",
        '<a "',
        "<a b='",
        "- <div '\n",
        "<a b=c ",
        "[a](",
        "[a](b()",
        "[a](() ",
        "[[a](b)](c) ",
        "![*a*](/b)",
        "a@b.c ",
        "a*b**c ",
        "**a ",
    ],
)
def test_what_never_ends_takes_linear_time(piece: str):
    """Measured in processor time; tags that never end took 5 s, links 11 s."""
    began = process_time()
    render(piece * (30_000 // len(piece)))
    assert process_time() - began < 2  # it takes 0.2 s


@pytest.mark.parametrize("opening", ["[", "![", "<![CDATA[", "[a]["])
def test_brackets_that_never_close_take_linear_time(opening: str):
    """Measured in processor time, so that others do not matter; 18 KB took 3.4 s before."""
    began = process_time()
    render(opening * 2_000)
    assert process_time() - began < 1  # it takes 0.02 s


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("A `x` Map<String, Object> b.", "A <code>x</code> Map&lt;String, Object&gt; b."),
        ("An int <a, b> c.", "An int &lt;a, b&gt; c."),
        ('An <img src="/a.png" alt="b"> c.', '<img src="/a.png" alt="b">'),
        ("A <br/> b <span hidden data-x='1'>c</span>.", "<span hidden data-x='1'>c</span>"),
        ("A <!-- note --> b.", "A <!-- note --> b."),
        ("If a <b and c> d.", "If a <b and c> d."),
        ("At </review/>, </b >.", "At &lt;/review/&gt;, </b >."),
        ("A </b c> d.", "A &lt;/b c&gt; d."),
    ],
)
def test_what_is_no_tag_is_shown(text, html):
    assert html in render(text)
