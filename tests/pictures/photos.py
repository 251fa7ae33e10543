"""Pictures that are drawn here: as cameras and programs write them, and as they should not be."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

# Latitude and longitude, and a word that is easily looked for.
CAMERA = "Place of the camera"
GPS = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">exif:GPSLatitude="52,31.2N"</x:xmpmeta>'


def draw(width: int = 1600, height: int = 1200) -> Image.Image:
    """Draw something like a photo: shapes of every size, none of which is flat."""
    noise = Image.effect_noise((width // 4, height // 4), 90).resize((width, height))
    bands = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (noise, bands, noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))


def write(image: Image.Image, kind: str, *, orientation: int = 1, **options: Any) -> bytes:
    """Write a picture as a camera does: with where it was taken, and how it was held."""
    exif = Image.Exif()
    exif[0x0110] = CAMERA
    exif[0x0112] = orientation
    exif[0x8825] = GPS
    written = BytesIO()
    if kind == "PNG":
        # Where PNG's text is; Pillow writes XMP of JPEG and WebP only.
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    else:
        options["xmp"] = XMP
    image.save(written, kind, exif=exif.tobytes(), **options)
    return written.getvalue()


def write_plain(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """Write a picture without any word beside it."""
    written = BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def write_moving(kind: str) -> bytes:
    """Write a picture of two that change."""
    one, two = (Image.new("RGB", (600, 400), colour) for colour in ("navy", "teal"))
    return write_plain(one, kind, save_all=True, append_images=[two], duration=500, loop=0)


def write_bomb(width: int = 10_000, height: int = 10_000) -> bytes:
    """Write a PNG of few bytes that says it has 100 megapixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def write_noise(width: int, height: int) -> bytes:
    """Write the picture that compresses worst."""
    pixels = random.Random(1).randbytes(width * height * 3)
    return write_plain(Image.frombytes("RGB", (width, height), pixels), quality=98)
