"""Formulas as a line of text, for where there is no MathML: `a² + b² = c²`."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

from math_core import LatexError, LatexToMathML

from blog.posts.markup.formulas import (
    DISPLAY_FORMULA,
    FORMULA,
    find_problem,
    is_between_amounts,
)

_RAISED = str.maketrans("0123456789+−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+−=()aeoxhklmnpstij", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼ")
# Signs between two sides, and names such as `log`.
_APART = re.compile(r"[=<>≤≥≠≈≡∼→⇒⇔↦∈∉⊂⊆:]|[^\W\d_]{2,}")
_MAX_CHARS = 200
# Between dollars: in running text, or on a line of its own.
_BETWEEN_DOLLARS = re.compile(f"{DISPLAY_FORMULA}|{FORMULA}")
# So many are read in one text: each takes 40 µs.
_MAX_FORMULAS = 2000


def read_formula(tex: str) -> str:
    """Return a formula as text; its TeX where that is wrong or too long."""
    if len(tex) > _MAX_CHARS or find_problem(tex):
        return tex
    try:
        mathml = LatexToMathML(fancy_error=False).convert_with_local_state(tex, displaystyle=False)
    except (LatexError, UnicodeEncodeError):
        return tex
    return " ".join(_read(fromstring(mathml)).split())  # noqa: S314 - math-core's own


def replace_formulas(text: str, write: Callable[[str], str] = read_formula) -> str:
    """Replace what stands between dollars by what `write` makes of it; prices stay.

    So does what has a null character, which stands for something else.
    """

    def replace(found: re.Match[str]) -> str:
        tex = found[1] or found[2]
        is_formula = found[1] or not is_between_amounts(tex)
        return write(tex) if is_formula and "\x00" not in tex else found[0]

    return _BETWEEN_DOLLARS.sub(replace, text, count=_MAX_FORMULAS) if "$" in text else text


def _read(element: Element) -> str:
    parts = [_read(child) for child in element]
    if element.tag in _READERS and len(parts) in (2, 3):
        return _READERS[element.tag](*parts)
    if element.tag == "msqrt":
        return f"√{_join(''.join(parts))}"
    if element.tag == "mspace":
        return " " if element.get("width") else ""
    if element.tag in ("mtr", "mtable"):
        return (", " if element.tag == "mtr" else "; ").join(parts)
    text = element.text or ""
    if element.tag == "mo" and _APART.fullmatch(text):
        return f" {text} "
    return text + "".join(parts)


def _join(text: str) -> str:
    """Return a part as one operand: in brackets where it needs them."""
    text = text.strip()
    return text if text.isalnum() else f"({text})"


def _raise(base: str, above: str) -> str:
    if above in tuple("′″‴"):
        return base + above
    return base + (_translate(above, _RAISED) or _mark("^", above))


def _lower(base: str, below: str) -> str:
    return base + (_translate(below, _LOWERED) or _mark("_", below))


def _mark(mark: str, text: str) -> str:
    text = text.strip()
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})"


def _translate(text: str, small: dict[int, int]) -> str:
    """Return a text in superscript or subscript characters; "" if one of its characters has
    none.
    """
    text = text.replace(" ", "")
    return text.translate(small) if all(ord(sign) in small for sign in text) else ""


_READERS: dict[str, Callable[..., str]] = {
    "msup": _raise,
    "msub": _lower,
    "msubsup": lambda base, below, above: _raise(_lower(base, below), above),
    "munder": lambda base, below: f"{_lower(base.strip(), below)} ",
    "mover": lambda base, accent: base,
    "munderover": lambda base, below, above: f"{_raise(_lower(base.strip(), below), above)} ",
    "mfrac": lambda over, under: f"{_join(over)}/{_join(under)}",
    "mroot": lambda text, root: f"{_raise('', root)}√{_join(text)}",
}
