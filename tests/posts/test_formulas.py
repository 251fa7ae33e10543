"""Formulas, as a reader gets them, and what becomes of wrong and of hostile ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.posts.markup.markdown import render_with_hints
from blog.posts.model import Fault, Post


def read(body: str) -> tuple[str, tuple[Fault, ...]]:
    """Render a body that begins in the file's fourth line; return its HTML and the hints."""
    post = Post(
        id="a", title="T", description="", date=None, path=Path("a.md"), body=body, body_line=4
    )
    rendered, hints = render_with_hints(post)
    return rendered.html, hints


def render(body: str) -> str:
    """Render a body in which nothing is to be mended."""
    html, hints = read(body)
    assert hints == ()
    return html


SQUARE = "<msup><mi>x</mi><mn>2</mn></msup>"
DISPLAYED = f'<math display="block">{SQUARE}</math></span>'


@pytest.mark.parametrize("source", ["$x^2$", "$`x^2`$"])
def test_a_formula_in_a_line_is_mathml(source: str):
    assert render(f"A {source}.") == (f'<p>A <span class="math"><math>{SQUARE}</math></span>.</p>')


@pytest.mark.parametrize(
    "source", ["$$x^2$$", "$$\nx^2\n$$", "```math\nx^2\n```", "- a\n\n  $$\n  x^2\n  $$"]
)
def test_a_formula_of_its_own_can_be_scrolled_with_the_keyboard(source: str):
    html = render(source)
    assert DISPLAYED in html
    opening = html.partition("<math")[0].rpartition("<span")[2]
    for attribute in ('class="formula"', 'tabindex="0"', 'role="group"', 'aria-label="Formula"'):
        assert attribute in opening


def test_marks_of_markdown_in_a_formula_are_tex():
    html = render("$a_1 * b_1 * c_{[x](y)}$ and *$a$*")
    assert "<em><span" in html
    assert html.count("<em>") == 1
    assert "<a " not in html


@pytest.mark.parametrize(
    "text",
    ["$5 to $10", "US$5/$6", "$HOME/$PATH", "a $ b $ c", "$5-$10", r"\$x\$", "`$x$`", "$$\nopen"],
)
def test_prices_shell_variables_and_code_are_no_formulas(text: str):
    assert "<math" not in render(text)


@pytest.mark.parametrize(
    "text",
    [
        "Put it in ${HOME}/${PATH}.",
        'Set "${A}" and "${B}".',
        "${a}${b}",
        '"${A}" costs 5$.',
        "${x:-y}/$, ${arr[@]}:$, ${1}$",
        "${user.name}, you owe ${amount}$",
        "$5, or 6$",
        "$5 and $6.50, US$ 10",
        "$5, A$ 6",
        "$5 a month, or 50$",
    ],
)
def test_variables_in_braces_and_amounts_stay_as_they_were_written(text: str):
    assert render(text) == f"<p>{text}</p>"


@pytest.mark.parametrize(
    "source", ["${x}^2$", "${}^{14}C$", "$50$", r"$2 \text{ or } 3$", "$5 x y$"]
)
def test_a_formula_may_begin_with_a_brace_or_a_number(source: str):
    assert "<math" in render(source)


def test_a_backslash_makes_a_dollar_sign_of_a_dollar_sign():
    assert render(r"\$x\$") == "<p>$x$</p>"


def test_no_formula_has_a_style_that_the_csp_would_refuse():
    cases = r"\begin{cases}1&x\\2&y\end{cases}"
    html = render(f"$$\n\\begin{{align}}a&=b\\\\\\color{{red}}c&={cases}\\end{{align}}\n$$")
    assert " style=" not in html
    assert '<mtd class="align-right flush-right"><mi>a</mi></mtd>' in html
    assert 'mathcolor="#FF0000"' in html


def test_equations_are_numbered_through_the_post_and_can_be_referred_to():
    equation = "```math\n\\begin{equation}x\\label{LABEL}\\end{equation}\n```\n\n"
    html = render(
        equation.replace("LABEL", "a")
        + equation.replace("LABEL", "b")
        + r"$\eqref{b}$, $x \eqref{a}$"
    )
    assert '<span class="math"><a href="#math-b">(2)</a></span>' in html
    assert "<mi>x</mi><mtext>(1)</mtext>" in html
    assert 'id="math-b"' in html


@pytest.mark.parametrize(
    ("body", "shown", "hint"),
    [
        (r"$\foo$", r"$\foo$", r"the formula “\foo”: Unknown command \"\foo\""),
        ("$a < \\foo$", "$a &lt; \\foo$", 'the formula “a < \\foo”: Unknown command "\\foo"'),
        (
            "```math\n\\frac{a}\n```",
            r"\frac{a}",
            r"the formula “\frac{a}”: Expected argument but reached end of input",
        ),
        (
            r"$\def\a{x}$",
            r"$\def\a{x}$",
            r"the formula “\def\a{x}”: commands cannot be defined here",
        ),
    ],
)
def test_a_wrong_formula_is_shown_as_written_with_a_hint(body: str, shown: str, hint: str):
    html, hints = read(f"Text.\n\n{body}")
    assert f'<code class="faulty">{shown}</code>' in html
    assert [fault.found for fault in hints] == [hint.replace('\\"', '"')]
    assert hints[0].line == (7 if "```" in body else 6)


def test_two_equations_cannot_have_one_label():
    """HTML wants every id once."""
    equation = "```math\n\\begin{equation}x\\label{a}\\end{equation}\n```\n\n"
    html, hints = read(equation * 2)
    assert html.count("id=") == 1
    assert "a \\label that another formula has" in hints[0].found


@pytest.mark.parametrize(
    "unit", ["{", "[", "\\{", "\\sqrt", "x_{", "\\left(", "(", "\\color{red}x"]
)
@pytest.mark.parametrize("count", [450, 20_000])
def test_a_hostile_formula_neither_ends_the_process_nor_takes_long(unit: str, count: int):
    """Of math-core itself: 0.9.0 never came back from 30 brackets; 20,000 end the process."""
    html, _ = read(f"```math\n{unit * count}\n```")
    assert html


@pytest.mark.parametrize(
    ("tex", "problem"),
    [
        ("{" * 501, "more than 500 commands in one another"),
        ("%}\n{" * 501, "more than 500 commands in one another"),
        ("x" * 10_001, "more than 10000 characters"),
    ],
)
def test_a_formula_too_large_to_be_safe_is_not_converted(tex: str, problem: str):
    _, hints = read(f"```math\n{tex}\n```")
    assert hints[0].found.endswith(f": {problem}")


def test_a_post_has_no_more_hints_than_somebody_would_read():
    _, hints = read("\n\n".join(rf"$\foo{{{n}}}$" for n in range(1000)))
    assert len(hints) == 50
