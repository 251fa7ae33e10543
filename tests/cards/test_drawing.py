"""What a card shows, and how a title fits on it."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from pymupdf_fonts import NotoSans_Bold

from blog.cards.drawing import (
    HEIGHT,
    INNER,
    TITLE_SIZES,
    WIDTH,
    Card,
    CardColours,
    draw_card,
    fit_title,
)
from blog.cards.fonts import ASCII, CardFontError, Fonts, is_right_to_left
from tests.site import ROOT

INK, LINK, PAPER = (0x24, 0x22, 0x1E), (0x17, 0x69, 0x4A), (0xFA, 0xF8, 0xF4)
QUIET = (0x69, 0x64, 0x5A)


@pytest.fixture(scope="module")
def fonts() -> Fonts:
    return Fonts()


def open_card(fonts: Fonts, **shown: object) -> Image.Image:
    card = Card(**{"title": "A title", "site": "Viblog", **shown})  # type: ignore[arg-type]
    return Image.open(BytesIO(draw_card(card, fonts)))


def count(picture: Image.Image, colour: tuple[int, int, int], top: int, bottom: int) -> int:
    """Count the pixels of a colour between two heights."""
    band = picture.crop((0, top, WIDTH, bottom))
    return sum(number for number, found in band.getcolors(1 << 20) or () if found == colour)


def test_a_card_is_a_png_of_the_size_that_other_sites_show(fonts: Fonts):
    picture = open_card(fonts)
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (1200, 630))
    assert picture.getpixel((WIDTH - 1, HEIGHT - 1)) == PAPER


def test_each_thing_on_a_card_has_its_place(fonts: Fonts):
    bare = open_card(fonts)
    whole = open_card(fonts, date="1 May 2026", authors=("Ada",), tags=("owls",))
    assert count(bare, INK, 150, 500) == count(whole, INK, 150, 500) > 1_000
    assert count(bare, INK, 510, 570) == 0 < count(whole, INK, 510, 570)
    assert count(bare, LINK, 570, 630) == 0 < count(whole, LINK, 570, 630)
    assert count(bare, QUIET, 250, 500) == 0


@pytest.mark.parametrize("description", ["What it is about.", "many words " * 40, "x" * 300])
def test_a_description_has_two_lines_below_the_title(fonts: Fonts, description: str):
    title = "A title that is as long as three lines of the card, or even more than that"
    picture = open_card(fonts, title=title, description=description)
    assert count(picture, QUIET, 300, 500) > 100
    assert count(picture, QUIET, 488, 630) == 0


def test_a_card_has_the_colours_that_it_is_given(fonts: Fonts):
    picture = open_card(fonts, colours=CardColours(paper="#11161c", ink="#d8dfe7"))
    assert picture.getpixel((WIDTH - 1, HEIGHT - 1)) == (0x11, 0x16, 0x1C)
    assert count(picture, (0xD8, 0xDF, 0xE7), 150, 500) > 1_000


@pytest.mark.parametrize(
    ("title", "face"),
    [("Grüße – “naïve”", "Source Serif 4"), ("Привет", "FiraGO"), ("A Привет", "FiraGO")],
)
def test_a_card_is_set_in_the_serif_of_the_pages_where_that_has_the_letters(title: str, face: str):
    fonts = Fonts(serif=ROOT / "static" / "fonts")
    assert [font.getname()[0] for font in (fonts.bold(20, title), fonts.regular(20, title))] == [
        face,
        face,
    ]
    assert fonts.version != Fonts().version


@pytest.mark.parametrize(
    ("title", "size", "lines"),
    [
        ("First light", 88, ["First light"]),
        ("The telescope and the weather", 88, ["The telescope and the", "weather"]),
        (" ".join(["word"] * 40), 48, None),
    ],
)
def test_a_title_is_as_large_as_fits(fonts: Fonts, title: str, size: int, lines: list[str] | None):
    font, found = fit_title(title, fonts)
    assert font.size == size
    assert lines is None or found == lines
    assert " ".join(found) == title
    assert all(font.getlength(line) <= INNER for line in found)


def test_a_title_that_fits_in_no_size_is_cut(fonts: Fonts):
    font, lines = fit_title(" ".join(["word"] * 100), fonts)
    assert font.size == TITLE_SIZES[-1] == 40
    assert len(lines) == 6
    assert lines[-1].endswith("…")
    assert all(font.getlength(line) <= INNER for line in lines)


@pytest.mark.parametrize("title", ["x" * 150, "สวัสดีชาวโลก" * 12, "أ" * 120])
def test_a_word_wider_than_the_card_is_broken(fonts: Fonts, title: str):
    font, lines = fit_title(title, fonts)
    assert len(lines) > 1
    assert "".join(lines) == title
    assert all(font.getlength(line) <= INNER for line in lines)


def test_a_script_without_spaces_may_break_after_every_sign(tmp_path):
    _, lines = fit_title("日本語" * 12 + "and English", Fonts())
    assert len(lines) > 1
    assert "".join(lines) == "日本語" * 12 + "and English"


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Grüße – “naïve” señor, Łódź", "Grüße – “naïve” señor, Łódź"),
        ("Καλημέρα, Привет, Việt", "Καλημέρα, Привет, Việt"),
        ("e\u0301", "é"),
        ("Hello 🎉  world ❤️", "Hello world"),
        ("a\x00\ud800b", "ab"),
        ("🎉", ""),
        ("日本語", ""),
        ("Tokyo 東京", ""),
        ("", ""),
    ],
)
def test_signs_that_the_font_lacks_are_left_out_and_letters_are_not(
    fonts: Fonts, text: str, spelled: str
):
    assert fonts.spell(text) == spelled


def test_a_title_in_ascii_is_written_without_asking_the_font(
    fonts: Fonts, monkeypatch: pytest.MonkeyPatch
):
    """Our own font has all of it; a deployer's may have none."""
    assert all(_has_glyph(fonts, character) for character in ASCII)
    monkeypatch.setattr(fonts, "_probe", None)
    assert fonts.spell("".join(ASCII)) == "".join(ASCII)


def _has_glyph(fonts: Fonts, character: str) -> bool:
    return bytes(fonts.bold(20).getmask(character)) != bytes(fonts.bold(20).getmask("\uffff"))


@pytest.mark.parametrize("text", ["مرحبا بكم", "שלום", "สวัสดี", "हिन्दी", "ქართული"])
def test_what_has_to_be_shaped_is_written_only_where_it_can_be(
    fonts: Fonts, text: str, monkeypatch: pytest.MonkeyPatch
):
    """FriBidi is the machine's own. Without it, Georgian stands side by side all the same."""
    assert fonts.spell(text) == text
    monkeypatch.setattr("blog.cards.fonts.features.check", lambda name: False)
    assert Fonts().spell(text) == (text if text == "ქართული" else "")


@pytest.mark.parametrize(("text", "is_so"), [("«مرحبا»", True), ("1. A ש", False), ("12", False)])
def test_a_text_runs_as_its_first_letter_does(text: str, is_so: bool):
    assert is_right_to_left(text) is is_so


def test_a_card_whose_title_runs_from_right_to_left_begins_at_the_right(fonts: Fonts):
    facts = {"site": "القمر", "date": "1 مايو 2026", "authors": ("ليلى", "عمر"), "tags": ("قمر",)}
    picture = open_card(fonts, title="مرحبا", comma="، ", **facts)
    assert count(picture, INK, 150, 500) > 100
    assert count(picture, INK, 510, 570) > 100
    left = picture.crop((0, 20, WIDTH // 2, 500)), picture.crop((0, 512, WIDTH // 2, HEIGHT))
    assert [half.getcolors() for half in left] == [
        [(half.width * half.height, PAPER)] for half in left
    ]


def test_a_deployer_s_font_is_used_instead(tmp_path):
    path = tmp_path / "font.ttf"
    path.write_bytes(NotoSans_Bold.fontbuffer)
    ours, theirs = Fonts(), Fonts(str(path))
    assert theirs.spell("₿") == "₿"
    assert ours.spell("₿") == ""
    assert theirs.version != ours.version
    card = Card(title="A", site="B")
    assert draw_card(card, theirs) != draw_card(card, ours)


@pytest.mark.parametrize("content", [None, b"", b"no font at all" * 100])
def test_a_file_that_is_no_font_is_refused(tmp_path, content):
    path = tmp_path / "font.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CardFontError, match=r"font\.ttf.*expected a font file"):
        Fonts(str(path))
