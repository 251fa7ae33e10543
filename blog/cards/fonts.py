"""The font of the cards, and what can be written in it."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import PIL
from PIL import ImageFont, features

from blog.native import make_lock

# No font has a glyph for this non-character: what is drawn for it is drawn for every missing glyph.
_NO_CHARACTER = "\uffff"
_PROBE_SIZE = 20
ASCII = [chr(code) for code in range(33, 127)]


class CardFontError(ValueError):
    """The font that a deployer named cannot be used."""


# hatch_build.py puts it there. Read when a card is drawn: in memory it would take 2 MB.
OWN_BOLD, OWN_REGULAR = (
    Path(__file__).parent / "firago" / f"FiraGO_{weight}.ttf" for weight in ("Bold", "Regular")
)

# The serif that the pages have, for what is written in its letters: regular and bold.
SERIF_FILES = ("source-serif-4-latin-400-normal.woff2", "source-serif-4-latin-600-normal.woff2")


class Fonts:
    """FiraGO in two weights, or one font file of the deployer's in place of both.

    `serif` is a folder with the pages' own font, used for texts that it has all letters of.

    `version` differs where the same text would give other pixels. `spell` may be called by any
    thread at any time.
    """

    def __init__(self, path: str = "", serif: Path | None = None) -> None:
        self._bold: bytes | Path = OWN_BOLD
        self._regular: bytes | Path = OWN_REGULAR
        try:
            content = Path(path or OWN_BOLD).read_bytes()
            if path:
                self._bold = self._regular = content
            self._probe = self._open(self._bold, _PROBE_SIZE, ImageFont.Layout.BASIC)
        except OSError as error:
            found = f"{(path or str(OWN_BOLD))!r} ({error})"
            remedy = "" if path else ", `make install` brings it"
            raise CardFontError(f"found {found}, expected a font file{remedy}") from error
        # Pillow brings Raqm, which looks for the machine's FriBidi; letters that change their form
        # or run from right to left cannot be written without.
        self._serif: tuple[bytes, ...] = ()
        if serif is not None and not path:
            with suppress(OSError):  # a fork of the theme may be without it
                self._serif = tuple([(serif / name).read_bytes() for name in SERIF_FILES])
        self._can_shape = bool(features.check("raqm"))
        digest = blake2b(b"".join([content, *self._serif]), digest_size=16).hexdigest()
        self.version = f"{PIL.__version__} {self._can_shape} {digest}"
        self._missing = bytes(self._probe.getmask(_NO_CHARACTER))
        # Our own font has ASCII: most titles are written without probing it for each letter, which
        # takes half a millisecond of the first page.
        self._known = {} if path else dict.fromkeys(ASCII, True)
        # The loop's thread asks for what a page shows while another draws, and FreeType's fonts
        # are for one thread at a time. Held for one glyph.
        self._probing = make_lock()

    def bold(self, size: int, text: str = "") -> ImageFont.FreeTypeFont:
        """Open the bold weight for a text; `size` is in pixels. For one thread."""
        return self._open(self._serif[1] if self._is_in_serif(text) else self._bold, size)

    def regular(self, size: int, text: str = "") -> ImageFont.FreeTypeFont:
        """Open the regular weight for a text; `size` is in pixels. For one thread."""
        return self._open(self._serif[0] if self._is_in_serif(text) else self._regular, size)

    def _is_in_serif(self, text: str) -> bool:
        if not (self._serif and text):
            return False
        face = self._open(self._serif[1], _PROBE_SIZE, ImageFont.Layout.BASIC)
        missing = bytes(face.getmask(_NO_CHARACTER))
        return all(sign == " " or bytes(face.getmask(sign)) != missing for sign in set(text))

    def spell(self, text: str) -> str:
        """Return a text as it can be written: without emoji and other signs that the font lacks.

        Empty where a letter is lacking: a title with holes says something else.
        """
        kept: list[str] = []
        for character in unicodedata.normalize("NFC", text):
            if character.isspace() or self._has(character):
                kept.append(character)
            elif _is_letter(character):
                return ""
        return " ".join("".join(kept).split())

    def _has(self, character: str) -> bool:
        known = self._known.get(character)
        if known is None:
            with self._probing:
                has_glyph = bytes(self._probe.getmask(character)) != self._missing
            known = has_glyph and (self._can_shape or not _needs_shaping(character))
            self._known[character] = known
        return known

    @staticmethod
    def _open(
        font: bytes | Path, size: int, layout: ImageFont.Layout | None = None
    ) -> ImageFont.FreeTypeFont:
        file = BytesIO(font) if isinstance(font, bytes) else font
        return ImageFont.truetype(file, size, layout_engine=layout)


def is_right_to_left(text: str) -> bool:
    """Tell by a text's first letter with a direction whether it runs from right to left."""
    directions = (unicodedata.bidirectional(character) for character in text)
    first = next((direction for direction in directions if direction in ("L", "R", "AL")), "L")
    return first != "L"


def _is_letter(character: str) -> bool:
    # U+FE00 to U+FE0F choose the form of the emoji before them.
    return unicodedata.category(character)[0] in "LMN" and not "\ufe00" <= character <= "\ufe0f"


def _needs_shaping(character: str) -> bool:
    is_mark = unicodedata.category(character) in ("Mn", "Mc")
    return is_mark or unicodedata.bidirectional(character) in ("R", "AL")
