"""What copies are made of a picture, and of which none are."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from blog.pictures.making import MAX_BYTES, find_problem, make_copies
from tests.pictures.photos import (
    draw,
    write,
    write_bomb,
    write_moving,
    write_noise,
    write_plain,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "picture"


def test_a_large_photo_is_had_in_four_widths_none_of_which_is_large(source: Path):
    source.write_bytes(write_noise(2400, 1800))
    assert source.stat().st_size > 6_000_000
    found, copies = make_copies(source)
    assert found == {
        "width": 2400,
        "height": 1800,
        "widths": [240, 480, 800, 1280],
        "is_original_shown": False,
        "problem": "",
    }
    for width, content in copies.items():
        with Image.open(BytesIO(content)) as copy:
            assert copy.format == "WEBP"
            assert copy.size == (width, width * 3 // 4)
        assert len(content) <= MAX_BYTES < 200_000


def test_copies_stand_as_the_camera_was_held_and_do_not_say_where(source: Path):
    source.write_bytes(write(draw(900, 600), "JPEG", orientation=6, quality=90))
    found, copies = make_copies(source)
    assert (found["width"], found["height"]) == (600, 900)
    for width, content in copies.items():
        with Image.open(BytesIO(content)) as copy:
            assert copy.size == (width, width * 3 // 2)
            assert not {"exif", "xmp"} & copy.info.keys()


def test_where_the_original_is_smaller_it_stands_for_the_widest_copy(source: Path):
    source.write_bytes(write_plain(draw(1000, 800), "WEBP", quality=20))
    found, copies = make_copies(source)
    assert 1000 not in copies
    assert found["is_original_shown"]


def test_a_transparent_picture_stays_so_and_its_lines_sharp(source: Path):
    drawing = draw(900, 600).quantize(200).convert("RGBA")
    drawing.putalpha(Image.linear_gradient("L").resize((900, 600)))
    source.write_bytes(write_plain(drawing, "PNG"))
    _, copies = make_copies(source)
    with Image.open(BytesIO(copies[480])) as copy:
        assert copy.mode == "RGBA"


def test_a_small_picture_needs_no_copy(source: Path):
    source.write_bytes(write_plain(draw(300, 200), "WEBP", quality=20))
    assert make_copies(source)[0]["widths"] == []


@pytest.mark.parametrize(
    ("content", "problem", "size"),
    [
        (write_bomb(20_000, 20_001), "huge", (0, 0)),
        (write_bomb(), "huge", (10_000, 10_000)),
        (write_bomb(9000, 8000), "huge", (9000, 8000)),
        (write_moving("GIF"), "moving", (600, 400)),
        (write_moving("WEBP"), "moving", (600, 400)),
        (write_moving("PNG"), "moving", (600, 400)),
        (write_plain(draw(400, 300))[:9000], "", (400, 300)),
        (b"picture", "broken", (0, 0)),
        (b"", "broken", (0, 0)),
    ],
    ids=["400 MP", "100 MP", "72 MP", "gif", "webp", "png", "small cut", "no picture", "empty"],
)
def test_bad_pictures_have_no_copies(
    source: Path, content: bytes, problem: str, size: tuple[int, int]
):
    source.write_bytes(content)
    found, copies = make_copies(source)
    assert (found["problem"], found["width"], found["height"]) == (problem, *size)
    assert copies == {}


@pytest.mark.parametrize(
    ("is_progressive", "problem", "widths"),
    [(False, "", [240, 480, 800, 1280]), (True, "huge", [])],
)
def test_a_jpeg_of_100_megapixels_has_copies_unless_it_must_be_decoded_whole(
    source: Path, is_progressive: bool, problem: str, widths: list[int]
):
    whole = Image.linear_gradient("L").resize((10_000, 10_000))
    source.write_bytes(write_plain(whole, progressive=is_progressive))
    del whole
    found, copies = make_copies(source)
    assert (found["problem"], found["widths"]) == (problem, widths)
    assert (found["width"], found["height"]) == (10_000, 10_000)
    assert all(len(copy) <= 190_000 for copy in copies.values())


@pytest.mark.parametrize(
    ("size", "orientation", "problem"),
    [((30_000, 2200), 1, ""), ((2200, 30_000), 1, "huge"), ((2200, 30_000), 6, "")],
    ids=["wide", "tall", "wide, held upright"],
)
def test_a_jpeg_of_66_megapixels_is_huge_if_it_is_too_narrow_to_be_decoded_in_part(
    source: Path, size: tuple[int, int], orientation: int, problem: str
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    source.write_bytes(write_plain(Image.new("L", size), exif=exif))
    assert find_problem(source) == problem


def test_what_cannot_be_small_is_had_in_smaller_widths_only(source: Path):
    source.write_bytes(write_noise(2000, 2000))
    found, copies = make_copies(source)
    assert found["widths"] == [240, 480, 800]
    assert all(len(copy) <= 190_000 for copy in copies.values())


def test_a_photo_that_was_cut_off_is_broken(source: Path):
    source.write_bytes(write_plain(draw(), quality=90)[:60_000])
    assert make_copies(source)[0]["problem"] == "broken"
    assert find_problem(source) == "broken"
