"""What is read as CommonMark has it, where Python-Markdown does otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.posts.markup.markdown import render_markdown
from blog.posts.model import Post

REFERENCES = """

[`Vec`]: /vec
[`a<b>`]: /less
[x\\_y]: /escaped
[@ada]: /ada
[#12]: /12
[`i`]: /i.png
"""


def render(body: str) -> str:
    """Return the HTML of one paragraph, without its tags."""
    post = Post(id="a", title="T", description="", date=None, path=Path("a.md"), body=body)
    return render_markdown(post).html.removeprefix("<p>").removesuffix("</p>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[`Vec`]", '<a href="/vec"><code>Vec</code></a>'),
        ("[the docs][`Vec`]", '<a href="/vec">the docs</a>'),
        ("[`VEC`][]", '<a href="/vec"><code>VEC</code></a>'),
        ("[`a<b>`]", '<a href="/less"><code>a&lt;b&gt;</code></a>'),
        ("[x\\_y]", '<a href="/escaped">x_y</a>'),
        ("[other][x\\_y]", '<a href="/escaped">other</a>'),
        ("[@ada] [#12]", '<a href="/ada">@ada</a> <a href="/12">#12</a>'),
        ("[@ada]\n[#12]", '<a href="/ada">@ada</a>\n<a href="/12">#12</a>'),
        ("[@ada][#12]", '<a href="/12">@ada</a>'),
        ("[`no`] [none][`no`]", "[<code>no</code>] [none][<code>no</code>]"),
    ],
)
def test_a_label_is_looked_up_as_it_was_written(text: str, shown: str):
    assert render(text + REFERENCES) == shown


def test_an_image_may_have_code_in_its_label():
    assert 'src="/i.png"' in render("![`i`]" + REFERENCES)
    assert 'src="/i.png"' in render("![text][`i`]" + REFERENCES)


@pytest.mark.parametrize("sign", "!\"#$%'()*+,-./:;=?@[\\]^_`{|}~")
def test_a_backslash_before_punctuation_is_not_shown(sign: str):
    assert render(f"a \\{sign} b") == f"a {sign} b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The \\<details> hides", "The &lt;details&gt; hides"),
        ("\\<b>x", "&lt;b&gt;x"),
        ("\\<div>\ny", "&lt;div&gt;\ny"),
        ("\\&amp;", "&amp;amp;"),
        ("\\a \\é \\ b", "\\a \\é \\ b"),
        ("`\\<`", "<code>\\&lt;</code>"),
    ],
)
def test_an_escaped_character_begins_nothing(text: str, shown: str):
    assert render(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Call f(*args, **kwargs) and g(*args, **kwargs) now.",
        "func a(x *T, y []*U)",
        "2 * 3 * 4 ** 5 **",
        "(*a, *b)",
        "**a*b",
        'a*"b"*c',
        "***",
    ],
)
def test_asterisks_that_open_or_close_nothing_are_text(text: str):
    assert render(f"x {text}") == f"x {text}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*a* **b** ***c***", "<em>a</em> <strong>b</strong> <em><strong>c</strong></em>"),
        ("a*b*c", "a<em>b</em>c"),
        ("(**a**), *b*.", "(<strong>a</strong>), <em>b</em>."),
        ('**Note:** *"b"*', '<strong>Note:</strong> <em>"b"</em>'),
        ("**`a`** *[b](/c)*", '<strong><code>a</code></strong> <em><a href="/c">b</a></em>'),
        ("*a **b** c*", "<em>a <strong>b</strong> c</em>"),
        ("***a** b*", "<em><strong>a</strong> b</em>"),
        ("*(*a*)*", "<em>(<em>a</em>)</em>"),
        ("**a***.*", "<strong>a</strong>*.*"),
        ("*a **b* c**", "<em>a <em><em>b</em> c</em></em>"),
        ("*a _b* c_", "<em>a _b</em> c_"),
        ("_a_b_ a_b_c", "<em>a_b</em> a_b_c"),
        ("**a *b **c** d", "**a *b <strong>c</strong> d"),
        ("****a**b**", "****a<strong>b</strong>"),
        ("_(_a)_", "_(<em>a)</em>"),
        ("すると、_N_ と「_何_」", "すると、<em>N</em> と「<em>何</em>」"),
        ("（**重点**）、**a**。", "（<strong>重点</strong>）、<strong>a</strong>。"),
        # Not in CommonMark, and meant so in Chinese and Japanese.
        ("**重点。**然后", "<strong>重点。</strong>然后"),
    ],
)
def test_asterisks_beside_words_are_emphasis(text: str, shown: str):
    assert render(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`a ` ` b ` `  `", "<code>a </code> <code>b</code> <code>  </code>"),
        ("`a\n  b`", "<code>a b</code>"),
        ("`` ` `` ```a``", "<code>`</code> ```a``"),
    ],
)
def test_code_keeps_its_spaces_but_for_one_at_both_ends(text: str, shown: str):
    assert render(text) == shown


@pytest.mark.parametrize("text", ["&#96 b", "&#x60b", "&copy b"])
def test_a_reference_to_a_character_has_a_semicolon(text: str):
    assert render(text) == text.replace("&", "&amp;")


def test_links_that_end_alike_in_two_texts_are_links():
    body = "See [the other post](/b)\n\n- See the [other post](/b)\n- And [other post](/b)"
    assert render(body).count('<a href="/b">') == 3


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('[a](/b?q="c+d")', "/b?q=&quot;c+d&quot;"),
        ("[a](/b'c')", "/b'c'"),
        ('[a](/b"c)', "/b&quot;c"),
        ('[a](\n/b\n"c")', '/b" title="c'),
    ],
)
def test_a_title_has_a_space_before_it(text: str, address: str):
    assert render(text) == f'<a href="{address}">a</a>'


@pytest.mark.parametrize("text", ["#TIL that", "#1 is", "##x", "a\n#b"])
def test_a_heading_has_a_space_after_its_signs(text: str):
    assert render(text) == text


@pytest.mark.parametrize("text", ["# A", "#\tA", "# A #", "# A#"])
def test_a_heading_with_one_is_a_heading(text: str):
    assert render(f"# Other\n\n{text}").count("<h2") == 2


WORDS = ["{id}", "{: id }", "{href}", "{src}", "{style}", "{a b}", "{.a b}"]
PLACES = [
    *("para\n{}", "`/users/`{}", "**users**{}", "![a](/b.png){}", "[a](/b){}", "## Show {}"),
    *("- item {}", "| a |\n|---|\n| b {} |", "| a {} |\n|---|\n| b |", "term {}\n: text {}"),
]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("text", PLACES)
def test_a_bare_word_in_braces_is_text(text: str, word: str):
    assert word in render(text.replace("{}", word))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**a**{.b}", '<strong class="b">a</strong>'),
        ("**a**{: .b #c d=e }", '<strong class="b" d="e" id="c">a</strong>'),
        ("**a**{title=\"b c\" lang='d'}", '<strong lang="d" title="b c">a</strong>'),
    ],
)
def test_braces_with_attributes_give_them(text: str, shown: str):
    assert render(text) == shown


@pytest.mark.parametrize(
    "text",
    ["${HOME}/${PATH}", 'set "${A}" and "${B}"', "${a}${b}", "$HOME/$PATH", "${a}/$b"],
)
def test_shell_variables_are_no_formulas(text: str):
    assert render(text) == text


@pytest.mark.parametrize("address", ["https://[your-host]/a.png", "//[a", "https://[a/b.png"])
@pytest.mark.parametrize("text", ["![x]({})", "![x][r]\n\n[r]: {}", "[x]({})", "[x]\n\n[x]: {}"])
def test_an_address_that_cannot_be_parsed_is_shown_as_it_was_written(text: str, address: str):
    assert f'="{address}"' in render(text.replace("{}", address))
