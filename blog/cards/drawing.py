"""Draws a card. Pure: a card and fonts in, the bytes of a PNG out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont

from blog.cards.fonts import Fonts, is_right_to_left

# What Facebook, X, LinkedIn and Mastodon show whole: 1.91 to 1.
WIDTH, HEIGHT = 1200, 630
# Raise it when a change here makes a card of the same words look different.
DRAWING_VERSION = 3

EDGE = 80
INNER = WIDTH - 2 * EDGE
TITLE_TOP, TITLE_BOTTOM = 158, 488
# Where a description below the title begins, which then has less room.
DESCRIPTION_SIZE, DESCRIPTION_STEP, DESCRIPTION_LINES = 32, 42, 2
TITLE_SIZES = range(88, 39, -4)
LINE_HEIGHT = 1.2
SITE_BASELINE, RULE_Y, FACTS_BASELINE, TAGS_BASELINE = 110, 508, 557, 601
SITE_SIZE, FACTS_SIZE, TAGS_SIZE = 34, 30, 26
DOT = 22


class CardColours(NamedTuple):
    """The colours of a card, by default those of light pages in the default palette."""

    paper: str = "#faf8f4"
    ink: str = "#24221e"
    quiet: str = "#69645a"
    line: str = "#e4dfd4"
    link: str = "#17694a"
    live: str = "#2c9c6f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that one card shows; `date` is in words, or empty, `comma` stands between authors."""

    title: str
    site: str
    description: str = ""
    date: str = ""
    authors: tuple[str, ...] = ()
    comma: str = ", "
    tags: tuple[str, ...] = ()
    colours: CardColours = CardColours()


def draw_card(card: Card, fonts: Fonts) -> bytes:
    """Draw a card as a PNG. Takes some 50 ms; for one thread at a time, never for the loop's."""
    colours = card.colours
    picture = Image.new("RGB", (WIDTH, HEIGHT), colours.paper)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, WIDTH, 10), fill=colours.live)
    # Pillow smooths letters, but no circles: it is drawn large, and made small.
    disc = Image.new("L", (8 * DOT, 8 * DOT))
    ImageDraw.Draw(disc).ellipse((0, 0, 8 * DOT - 1, 8 * DOT - 1), fill=255)
    disc = disc.resize((DOT, DOT), Image.Resampling.LANCZOS)
    # A card runs as its title does.
    title = fonts.spell(card.title)
    leftwards = is_right_to_left(title)
    dot_x = WIDTH - EDGE - DOT if leftwards else EDGE
    picture.paste(colours.live, (dot_x, SITE_BASELINE - DOT - 1), disc)
    write = partial(_write, pen, leftwards=leftwards)
    site = fonts.spell(card.site)
    write(site, SITE_BASELINE, fonts.regular(SITE_SIZE, site), colours.quiet, indent=DOT + 16)
    description = fonts.spell(card.description)
    room = DESCRIPTION_LINES * DESCRIPTION_STEP + 20 if description else 0
    end = _write_title(pen, title, fonts, colours.ink, TITLE_BOTTOM - room)
    _write_description(pen, description, end + 20, fonts, colours.quiet)
    facts = [fonts.spell(fact) for fact in (card.date, card.comma.join(card.authors))]
    facts_line = " · ".join(fact for fact in facts if fact)
    write(facts_line, FACTS_BASELINE, fonts.regular(FACTS_SIZE, facts_line), colours.ink)
    tags = [fonts.spell(tag) for tag in card.tags]
    tags_line = " · ".join(tag for tag in tags if tag)
    write(tags_line, TAGS_BASELINE, fonts.regular(TAGS_SIZE, tags_line), colours.link)
    if facts_line or tags_line:
        pen.line((EDGE, RULE_Y, WIDTH - EDGE, RULE_Y), fill=colours.line, width=2)
    png = BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _write(
    pen: ImageDraw.ImageDraw,
    text: str,
    baseline: int,
    font: FreeTypeFont,
    colour: str,
    *,
    leftwards: bool,
    indent: int = 0,
) -> None:
    """Write one line, which begins at the edge where the card begins."""
    shown = shorten(text, font, INNER - indent)
    x, anchor = (WIDTH - EDGE - indent, "rs") if leftwards else (EDGE + indent, "ls")
    pen.text((x, baseline), shown, fill=colour, font=font, anchor=anchor)


def _write_title(
    pen: ImageDraw.ImageDraw, title: str, fonts: Fonts, colour: str, bottom: int
) -> float:
    """Write a title, and return where it ends."""
    font, lines = fit_title(title, fonts, bottom)
    return _write_lines(pen, lines, font, TITLE_TOP, font.size * LINE_HEIGHT, colour)


def _write_description(
    pen: ImageDraw.ImageDraw, text: str, top: float, fonts: Fonts, colour: str
) -> None:
    font = fonts.regular(DESCRIPTION_SIZE, text)
    pieces = [part for piece in _divide(text) for part in _break(*piece, font)]
    lines = _wrap(pieces, font)
    if len(lines) > DESCRIPTION_LINES:
        rest = " ".join(lines[DESCRIPTION_LINES - 1 :])
        lines = [*lines[: DESCRIPTION_LINES - 1], shorten(rest, font, INNER)]
    _write_lines(pen, lines, font, top, DESCRIPTION_STEP, colour)


def _write_lines(
    pen: ImageDraw.ImageDraw,
    lines: Sequence[str],
    font: FreeTypeFont,
    top: float,
    step: float,
    colour: str,
) -> float:
    right_to_left = is_right_to_left("".join(lines))
    x, anchor = (WIDTH - EDGE, "rs") if right_to_left else (EDGE, "ls")
    for number, line in enumerate(lines):
        baseline = top + font.size * 0.9 + number * step
        pen.text((x, baseline), line, fill=colour, font=font, anchor=anchor)
    return top + len(lines) * step


def fit_title(
    title: str, fonts: Fonts, bottom: int = TITLE_BOTTOM
) -> tuple[FreeTypeFont, list[str]]:
    """Return the largest font in which a title fits above `bottom`, and its lines.

    In the smallest, words are broken, and what is still too much is cut.
    """
    pieces = list(_divide(title))
    for size in TITLE_SIZES:
        font = fonts.bold(size, title)
        most = int((bottom - TITLE_TOP) / (size * LINE_HEIGHT))
        if size == TITLE_SIZES[-1]:
            pieces = [part for piece in pieces for part in _break(*piece, font)]
        lines = _wrap(pieces, font)
        is_wide = any(font.getlength(line) > INNER for line in lines)
        if len(lines) <= most and not is_wide:
            return font, lines
    rest = " ".join(lines[most - 1 :])
    return font, [shorten(line, font, INNER) for line in [*lines[: most - 1], rest]]


def shorten(text: str, font: FreeTypeFont, width: int) -> str:
    """Return the text, or its beginning with an ellipsis, no wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    least, most = 0, len(text)
    while most - least > 1:
        middle = (least + most) // 2
        if font.getlength(f"{text[:middle].rstrip()}…") <= width:
            least = middle
        else:
            most = middle
    return f"{text[:least].rstrip()}…"


def _divide(text: str) -> Iterator[tuple[str, str]]:
    """Yield pieces that stay together on a line, each with what precedes it: a space, or
    nothing.
    """
    for word in text.split():
        space = " "
        piece = ""
        for character in word:
            # Chinese, Japanese and Korean may break after every sign.
            if unicodedata.east_asian_width(character) in ("W", "F"):
                if piece:
                    yield space, piece
                    space, piece = "", ""
                yield space, character
                space = ""
            else:
                piece += character
        if piece:
            yield space, piece


def _break(space: str, piece: str, font: FreeTypeFont) -> Iterator[tuple[str, str]]:
    """Yield a piece in parts that a line can hold; Thai has long ones, as it writes no spaces."""
    while font.getlength(piece) > INNER:
        end = 1
        while font.getlength(piece[: end + 1]) <= INNER:
            end += 1
        while end > 1 and unicodedata.category(piece[end]).startswith("M"):
            end -= 1  # a mark belongs to the letter before it
        yield space, piece[:end]
        space, piece = "", piece[end:]
    yield space, piece


def _wrap(pieces: Sequence[tuple[str, str]], font: FreeTypeFont) -> list[str]:
    lines: list[str] = []
    line = ""
    for space, piece in pieces:
        longer = f"{line}{space}{piece}" if line else piece
        if line and font.getlength(longer) > INNER:
            lines.append(line)
            longer = piece
        line = longer
    return [*lines, line]
