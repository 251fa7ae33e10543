"""Make the copies of one picture: WebP, in a few widths, each of at most 190 kB.

Run as a program of its own (`python making.py STEM SOURCE FOLDER RESULT`), which loads nothing of
the blog: what a picture takes of memory and time is given back, and a picture that breaks the
decoder ends no worker. It writes the copies, then, as JSON, what it found out.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

# Raise it when a change here makes other copies of the same picture.
MAKING_VERSION = 1
# For a card in a list (120 px, and twice as dense), and the column of text: 324 to 645 px, on
# screens of one to three dots a pixel.
WIDTHS = (240, 480, 800, 1280)
# A JPEG is decoded at half of its size, a quarter or an eighth where it is still as wide.
ENOUGH = 2 * WIDTHS[-1]
MAX_BYTES = 190_000
# What a phone's camera gives. Decoding one takes 200 MB.
MAX_PIXELS = 64_000_000
# Of these a fraction is decoded.
MAX_PIXELS_OF_JPEG = 400_000_000
# Not worth a copy.
SMALL_BYTES = 20_000
# A copy that saves less than a tenth is none.
MOST_OF_SOURCE = 0.9
QUALITIES = (75, 60, 45, 30, 15)
MAX_WEBP_SIDE = 16_383
FORMATS = ("AVIF", "GIF", "JPEG", "PNG", "WEBP")
# A JPEG may have more pictures than one, too: the second is the same with less contrast.
MOVING_FORMATS = ("AVIF", "GIF", "PNG", "WEBP")

MEMORY_BYTES = 1_500_000_000
CPU_SECONDS = 60
CANNOT_WRITE = 3

# What is known of a picture of which nothing is known.
NOTHING = {"width": 0, "height": 0, "widths": [], "is_original_shown": False, "problem": ""}
BROKEN = (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError, EOFError)
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError)


def find_problem(path: Path) -> str:
    """Say why no copies can be made: "broken", "huge", "moving"; empty where they can."""
    try:
        with bombs_are_errors(), open_picture(path) as image:
            problem = look_at(image)
            if not problem:
                image.draft(None, (1, 1))
                image.load()
            return problem
    except BOMBS:
        return "huge"
    except BROKEN:
        return "broken"


def open_picture(path: Path) -> Image.Image:
    """Open a picture, whatever its name says it is; only its head is read."""
    return Image.open(path, formats=FORMATS)


@contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Have Pillow refuse a picture that is huge, and keep to itself what a camera got wrong."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS_OF_JPEG
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def look_at(image: Image.Image) -> str:
    """Say by a picture's head why no copies can be made; empty where they can."""
    if _count_decoded(image) > MAX_PIXELS:
        return "huge"
    is_moving = image.format in MOVING_FORMATS and getattr(image, "is_animated", False)
    return "moving" if is_moving else ""


def _count_decoded(image: Image.Image) -> int:
    """Return of how many pixels the copies are made: of a JPEG, of every second, fourth or eighth
    in a row where that is enough; not of a progressive one, which is decoded whole.
    """
    scale = 1
    if image.format in ("JPEG", "MPO") and not image.info.get("progressive"):
        width, _ = find_size(image)
        scale = max(each for each in (1, 2, 4, 8) if each == 1 or width >= each * ENOUGH)
    return image.width * image.height // scale**2


def make_copies(path: Path) -> tuple[dict[str, Any], dict[int, bytes]]:
    """Return what there is to know of a picture, and its copies by their widths."""
    found: dict[str, Any] = {**NOTHING}
    copies: dict[int, bytes] = {}
    source_bytes = 0
    try:
        source_bytes = path.stat().st_size
        with bombs_are_errors(), open_picture(path) as image:
            found["problem"] = look_at(image)
            # The orientation may stand at a file's end: a huge file is not read that far.
            found["width"], found["height"] = image.size if found["problem"] else find_size(image)
            if not found["problem"] and source_bytes > SMALL_BYTES:
                copies = dict(encode_all(image, found["width"], source_bytes))
    except BOMBS:
        found["problem"] = "huge"
    except BROKEN:
        found["problem"] = "broken"
    found["widths"] = sorted(copies)
    is_narrow = bool(copies) and max(copies) < min(found["width"], WIDTHS[-1])
    found["is_original_shown"] = is_narrow and source_bytes <= MAX_BYTES
    return found, copies


def find_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height as shown: a camera says how it was held."""
    is_lying = image.getexif().get(0x0112, 1) in range(5, 9)
    return (image.height, image.width) if is_lying else image.size


def encode_all(image: Image.Image, width: int, source_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the copies that are worth it, each with its width; none of 16 or 32 bits a colour.

    What is too large at the least quality, such as noise, is had in its smaller widths only.
    """
    is_photo = image.format in ("JPEG", "MPO")
    image.draft(None, (ENOUGH, 1) if width == image.width else (1, ENOUGH))
    profile = image.info.get("icc_profile", b"")
    if image.mode.startswith(("I", "F")):
        return
    image = ImageOps.exif_transpose(image)
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    if image.mode == "CMYK":
        profile = b""  # it is of other colours
    image = image.convert("RGBA" if has_alpha else "RGB")
    for wanted in sorted({min(width, each) for each in WIDTHS}):
        height = max(1, round(image.height * wanted / image.width))
        if height > MAX_WEBP_SIDE:
            continue
        scaled = image.resize((wanted, height), Image.Resampling.LANCZOS, reducing_gap=3)
        copy = encode(scaled, profile, is_photo=is_photo)
        if len(copy) > MAX_BYTES and wanted > WIDTHS[0]:
            return
        if len(copy) < source_bytes * MOST_OF_SOURCE or source_bytes > MAX_BYTES:
            yield wanted, copy


def encode(image: Image.Image, profile: bytes, *, is_photo: bool) -> bytes:
    """Return a picture as WebP, without a loss where that is smaller, as of a screenshot."""
    kept = b""
    for quality in QUALITIES:
        kept = write_webp(image, profile, quality=quality, method=4)
        if len(kept) <= MAX_BYTES:
            break
    if not is_photo:
        exact = write_webp(image, profile, lossless=True, quality=60, method=4)
        kept = min(exact, kept, key=len)
    return kept


def write_webp(image: Image.Image, profile: bytes, **options: Any) -> bytes:
    """Return a picture as WebP with nothing of its metadata but its colours."""
    written = BytesIO()
    image.save(written, "WEBP", exif=b"", xmp=b"", icc_profile=profile, **options)
    return written.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it."""
    with writing_whole(path) as part:
        part.write_bytes(content)


@contextmanager
def writing_whole(path: Path) -> Iterator[Path]:
    """Give another path to write to; what is there afterwards takes the place of the file."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main(stem: str, source: str, folder: str, result: str) -> int:
    """Make the copies of one picture, within limits of memory and time, behind all other work."""
    os.closerange(3, 65_536)  # gunicorn's listeners are for workers
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    found, copies = make_copies(Path(source))
    try:
        for width, content in copies.items():
            write_whole(Path(folder) / f"{stem}-{width}.webp", content)
        write_whole(Path(result), json.dumps(found).encode("ascii"))
    except OSError:
        return CANNOT_WRITE
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
