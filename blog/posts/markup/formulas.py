"""Formulas in TeX, as `$…$`, `$$…$$` and ```` ```math ````, to MathML: shown without a script."""

from __future__ import annotations

import html
import re
from re import Match
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString
from math_core import LatexError, LatexToMathML

from blog.posts.markup.hints import Hints, quote

MAX_FORMULA_CHARS = 10_000
# math-core recurses once for each of these, and a stack overflow ends the process. 500 need less
# than 1 MiB (23,000 random formulas); a thread has 8 MiB on Debian. No reader could follow as many.
MAX_FORMULA_DEPTH = 500

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|%[^\n]*|[{}()\[\]^_]", re.DOTALL)
# These expand a little text into much, and the nesting of the result cannot be foreseen.
_DEFINITION = re.compile(r"\\(?:(?:new|renew|provide)command|[gex]?def|let)(?![A-Za-z])")
_TAG = re.compile(r"<[^>]*>")
_STYLE = re.compile(r' style="([^"]*)"')
_REFERENCE = re.compile(r"<math(?: display=\"block\")?><mtext>(<a [^>]*>[^<]*</a>)</mtext></math>")
_LINK = re.compile(r"</?a\b[^>]*>")
_ID = re.compile(r'<[^>]* id="([^"]*)"')
_COLOR = re.compile(r"color:(#[0-9A-Fa-f]{6})")
# Style attributes that math-core writes, which the CSP forbids, and the class used instead of each.
_CLASSES = {
    "text-align: left": "align-left",
    "text-align: right": "align-right",
    "padding-left: 0": "flush-left",
    "padding-right: 0": "flush-right",
    "padding-left:1em": "apart",
    "width: 100%": "whole",
    "width: 50%": "half",
    "border-left: 0.05em solid currentcolor": "line-left",
    "border-right: 0.05em solid currentcolor": "line-right",
    "border-top: 0.05em solid currentcolor": "line-top",
    "border-bottom: 0.05em solid currentcolor": "line-bottom",
}

# A span: it may stand in a paragraph. It can have the focus, for the keyboard to scroll it.
_DISPLAY = {"class": "formula", "tabindex": "0", "role": "group"}

# GitHub's rules: no letter, digit or dollar outside, no space inside; so prices and shell variables
# are none, nor is `${NAME}`, unless it goes on as `${x}^2$`. A placeholder (\x02) of what is done
# already, such as code, is never inside.
CODE_FORMULA = r"(?<![\\$\w`])\$`([^`\n]+)`\$(?![\w$`])"
DISPLAY_FORMULA = r"(?<![\\$])\$\$((?:\\.|[^$\\\x02\x03])+)\$\$(?!\$)"
_VARIABLE = r"\{[\w@*#?!-][^{}\\\s$]*\}(?![_^])"
FORMULA = rf"(?<![\\$\w])\$(?![\s$]|{_VARIABLE})((?:\\.|[^$\\\x02\x03])+)(?<!\s)\$(?![\w${{])"
# “$5, or 6$”, “$5, US$ 6”: an amount and words, without a sign that only formulas have.
_AMOUNT = re.compile(r"\d[^\\^_={}+*/<>|]*")
_WORD = re.compile(r"\s(?:[^\W\d_]{2,}\s|[A-Z]{1,3}$)")


class Formulas:
    """Writes the formulas of one post, whose equations are numbered throughout.

    `label` names those on lines of their own, which can be focused.
    """

    def __init__(self, hints: Hints, label: str) -> None:
        self.attributes = {**_DISPLAY, "aria-label": label}
        self._hints = hints
        self._converter = LatexToMathML(fancy_error=False, id_prefix="math-")
        self._ids: set[str] = set()

    def write(self, tex: str, *, is_display: bool) -> str | None:
        """Return MathML, or None with a hint where `tex` is wrong."""
        problem = find_problem(tex)
        if not problem:
            try:
                mathml = self._converter.convert_with_global_state(tex, displaystyle=is_display)
            except (LatexError, UnicodeEncodeError) as error:
                # “12: Unknown command …”: nobody wants to count characters in a formula.
                problem = str(error).partition(": ")[2] or str(error)
            else:
                ids = set(_ID.findall(mathml))
                if not ids & self._ids:
                    self._ids |= ids
                    return _fit(mathml)
                problem = "a \\label that another formula has"
        self._hints.add(
            tex,
            f"the formula {quote(tex)}: {problem.rstrip('.')}",
            "a formula in TeX",
            "correct it, or write \\$ for a dollar sign",
        )
        return None

    def write_block(self, tex: str) -> str:
        """Return the HTML of a formula on lines of its own, or of its source where it is wrong."""
        mathml = self.write(tex, is_display=True)
        if mathml is None:
            return f'<code class="faulty">{html.escape(tex.strip())}</code>'
        attributes = " ".join(f'{name}="{value}"' for name, value in self.attributes.items())
        return f"<span {attributes}>{mathml}</span>"


class FormulaPattern(InlineProcessor):
    """Finds formulas in running text."""

    def __init__(self, pattern: str, md: Markdown, formulas: Formulas) -> None:
        super().__init__(pattern, md)
        self._stash = md.htmlStash
        self._formulas = formulas

    def handleMatch(  # type: ignore[override] # noqa: N802 - Python-Markdown's name
        self, m: Match[str], data: str
    ) -> tuple[Element | None, int | None, int | None]:
        """Return the formula, or its source as code; nothing for words between two prices."""
        tex, is_display = m[1], m[0].startswith("$$")
        if not is_display and is_between_amounts(tex):
            return None, None, None
        mathml = self._formulas.write(tex, is_display=is_display)
        if mathml is None:
            element = Element("code", {"class": "faulty"})
            element.text = AtomicString(m[0])
            return element, m.start(), m.end()
        element = Element("span", self._formulas.attributes if is_display else {"class": "math"})
        element.text = AtomicString(self._stash.store(mathml))
        return element, m.start(), m.end()


def is_between_amounts(tex: str) -> bool:
    """Tell whether a text between dollars is words between two prices."""
    return bool(_AMOUNT.fullmatch(tex) and _WORD.search(tex))


def register_formulas(md: Markdown, formulas: Formulas) -> None:
    """Have formulas found: after code (190), before escapes (180), which a formula may contain."""
    for name, pattern, priority in (
        ("code_formula", CODE_FORMULA, 191),
        ("display_formula", DISPLAY_FORMULA, 189),
        ("formula", FORMULA, 188),
    ):
        md.inlinePatterns.register(FormulaPattern(pattern, md, formulas), name, priority)


def find_problem(tex: str) -> str:
    """Say what keeps a formula from being converted at all, or nothing."""
    if len(tex) > MAX_FORMULA_CHARS:
        return f"more than {MAX_FORMULA_CHARS} characters"
    if _DEFINITION.search(tex):
        return "commands cannot be defined here"
    depth, groups = 0, []
    for token in _TOKEN.finditer(tex):
        if token[0] == "{":
            groups.append(depth)
            depth += 1
        elif token[0] == "}":
            depth = groups.pop() if groups else depth
        elif token[0][0] != "%":
            # Within a group every recursion counts until the group ends: that of `\color` lasts so
            # long.
            depth += 1
        if depth > MAX_FORMULA_DEPTH:
            return f"more than {MAX_FORMULA_DEPTH} commands in one another"
    return ""


def _fit(mathml: str) -> str:
    """Fit what math-core writes into the page.

    A screen reader treats a formula as one thing, and a link inside could not be reached: so a
    reference is a link only where it is the whole formula.
    """
    if reference := _REFERENCE.fullmatch(mathml):
        return reference[1]
    # Of an mtable MathML Core allows it, but HTML checkers do not know that yet.
    plain = _LINK.sub("", mathml).replace(' scriptlevel="0"', "")
    return _TAG.sub(_write_tag, plain)


def _write_tag(tag: Match[str]) -> str:
    return _STYLE.sub(_write_classes, tag[0])


def _write_classes(style: Match[str]) -> str:
    said = [declaration.strip() for declaration in style[1].split(";")]
    classes = " ".join(_CLASSES[declaration] for declaration in said if declaration in _CLASSES)
    color = _COLOR.match(style[1])
    attributes = f' class="{classes}"' if classes else ""
    return f'{attributes} mathcolor="{color[1]}"' if color else attributes
