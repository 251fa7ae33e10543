"""The colours of the pages and cards: four palettes, and an accent of the author's own.

Each colour is a pair, for light pages and for dark ones. `static/style.css` has the first palette;
`templates/look.css` writes whatever else was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

# By the name of the variable in the stylesheet: on light pages, on dark ones.
Colours = Mapping[str, tuple[str, str]]

# WCAG 2.2, 1.4.3 and 1.4.11: the least contrast of text, and of a sign such as the dot.
TEXT_CONTRAST, SIGN_CONTRAST = 4.5, 3.0

_NAMES = ("paper", "ink", "quiet", "line", "well", "link", "live", "mark")
DEFAULT = "paper"


def _pair(light: str, dark: str) -> Colours:
    pairs = zip(light.split(), dark.split(), strict=True)
    return MappingProxyType(dict(zip(_NAMES, pairs, strict=True)))


PALETTES: Mapping[str, Colours] = MappingProxyType(
    {
        DEFAULT: _pair(
            "#faf8f4 #24221e #69645a #e4dfd4 #f2f0e9 #17694a #2c9c6f #fbe9a8",
            "#161815 #dedbd1 #a09c90 #2f322c #1f221e #86d3ae #5cc596 #4d4313",
        ),
        "slate": _pair(
            "#f8fafc #1c2530 #586474 #dce3ea #eef2f6 #1b5eaa #2f86d6 #fdebab",
            "#11161c #d8dfe7 #97a3b1 #28323d #19212a #8dbcf0 #5aa6ec #4a4213",
        ),
        "rose": _pair(
            "#fcf8f7 #2b2123 #6f6063 #ecdfe0 #f6eeee #a02753 #d2527f #fbe7b0",
            "#191416 #e4dadb #a99a9d #382c2f #231c1f #f2a0bc #e5769c #4c4016",
        ),
        "ink": _pair(
            "#ffffff #111111 #595959 #e0e0e0 #f5f5f5 #111111 #111111 #ffec99",
            "#0e0e0e #ececec #a6a6a6 #303030 #1a1a1a #ececec #ececec #4f4410",
        ),
    }
)


def choose_colours(palette: str, accent: str = "") -> Colours:
    """Return the colours of a palette; `accent`, "#rrggbb", takes the place of links and the dot.

    Where it does not stand out from the grounds, it is mixed with the ink until it does: an accent
    is one colour, and light and dark pages need two.
    """
    colours = PALETTES[palette]
    if not accent:
        return colours
    own: dict[str, tuple[str, str]] = {}
    for name, least in (("link", TEXT_CONTRAST), ("live", SIGN_CONTRAST)):
        light, dark = (
            stand_out(
                accent,
                colours["ink"][side],
                (colours["paper"][side], colours["well"][side]),
                least,
            )
            for side in (0, 1)
        )
        own[name] = light, dark
    return {**colours, **own}


def stand_out(colour: str, ink: str, grounds: Iterable[str], least: float) -> str:
    """Return the colour, mixed with as little ink as gives it the least contrast to all grounds."""
    grounds = tuple(grounds)
    for percent in range(0, 101, 2):
        mixed = _mix(colour, ink, percent / 100)
        if all(contrast(mixed, ground) >= least for ground in grounds):
            return mixed
    return ink


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2 defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _parts(colour: str) -> bytes:
    return bytes.fromhex(colour.removeprefix("#"))


def _mix(colour: str, other: str, share: float) -> str:
    parts = zip(_parts(colour), _parts(other), strict=True)
    return "#" + bytes(round(a + (b - a) * share) for a, b in parts).hex()
