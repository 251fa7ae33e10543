"""A picture that is sent says nothing but how it looks."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from PIL import Image, ImageOps

from blog.pictures.cleaning import MAX_PARTS, PNG_BEGIN, CannotCleanError, find_parts, read_parts
from tests.pictures.photos import CAMERA, draw, write, write_moving, write_plain

KINDS = ("JPEG", "PNG", "WEBP")


def clean(content: bytes) -> bytes:
    return b"".join(read_parts(content, find_parts(content)))


def open_it(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_what_a_camera_says_is_taken_out_and_nothing_that_is_seen(kind: str, orientation: int):
    content = write(draw(64, 48), kind, orientation=orientation)
    assert open_it(content).getexif().get_ifd(0x8825)
    cleaned = clean(content)
    for said in (CAMERA.encode(), b"GPS", b"adobe:ns:meta"):
        assert said in content
        assert said not in cleaned
    left = open_it(cleaned).getexif()
    assert dict(left) == ({} if orientation == 1 else {0x0112: 6})
    before, after = (ImageOps.exif_transpose(open_it(each)) for each in (content, cleaned))
    assert before.size == after.size
    assert before.tobytes() == after.tobytes()
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}])
def test_the_pixels_of_every_kind_of_jpeg_stay(options: dict[str, int]):
    content = write(draw(300, 200), "JPEG", quality=95, **options)
    cleaned = clean(content)
    assert open_it(cleaned).tobytes() == open_it(content).tobytes()
    assert cleaned.endswith(b"\xff\xd9")


def test_what_a_phone_keeps_behind_a_picture_is_left_out():
    content = write_plain(draw(64, 48))
    second = write(draw(32, 24), "JPEG")
    assert clean(content + second) == clean(content)


def test_colours_stay_as_they_are_meant():
    profile = b"a profile of colours"
    content = write(draw(64, 48), "JPEG", icc_profile=profile)
    assert open_it(clean(content)).info["icc_profile"] == profile


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_a_picture_that_moves_goes_on_moving(kind: str):
    assert open_it(clean(write_moving(kind))).n_frames == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [b"", b"picture", b"<svg/>", b"\xff\xd8", b"RIFF"])
def test_what_is_no_picture_is_no_fault(content: bytes):
    assert clean(content) == content


@pytest.mark.parametrize("content", [b"\0\0\0\x18ftypheic....", b"II*\0....", b"MM\0*...."])
def test_a_cameras_file_of_another_kind_is_refused_whatever_its_name(content: bytes):
    with pytest.raises(CannotCleanError, match="found HEIC or TIFF"):
        clean(content)


@pytest.mark.parametrize("kind", KINDS)
def test_however_a_file_is_damaged_it_is_read_to_an_end_and_says_no_place(kind: str):
    chance = random.Random(kind)
    content = write(draw(64, 48), kind, orientation=6)
    for _ in range(200):
        damaged = bytearray(content[: chance.randrange(20, len(content))])
        for _ in range(3):
            damaged[chance.randrange(12, len(damaged))] = chance.randrange(256)
        assert len(clean(bytes(damaged))) <= len(damaged) + 100


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (b"\xff\xd8", b"\xff\xc4\x00\x02"),
        (PNG_BEGIN, b"\0\0\0\0tRNS\0\0\0\0"),
        (b"RIFF\0\0\0\0WEBP", b"none\0\0\0\0"),
    ],
)
def test_a_file_of_ever_so_many_parts_is_refused(begin: bytes, part: bytes):
    assert find_parts(begin + part * (MAX_PARTS - 1))
    with pytest.raises(CannotCleanError, match="found more than 100000 parts"):
        find_parts(begin + part * (MAX_PARTS + 1))
