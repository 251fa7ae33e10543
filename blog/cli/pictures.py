"""Hints about the pictures that a text shows. Missing ones are found with the links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from blog.pictures import making
from blog.pictures.picture import is_picture
from blog.posts import Fault, Library, Post
from blog.posts.finding import find_on_disk
from blog.posts.links import Links, find_lines
from blog.posts.markup.images import ImagePlaces, read_size

# GPS IFD, the part of EXIF that has the place.
PLACE_TAG = 0x8825


class PictureCheck:
    """Looks each file up once, however many texts show it."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, str, str] | None] = {}

    def find_hints(self, library: Library, text: Post, links: Links) -> Iterator[Fault]:
        """Yield a hint for each picture of a text that readers get as a whole, or not at all."""
        style = library.style
        places = ImagePlaces(text.path.parent, style.posts_dir, style.static_dir)
        for address in sorted(links.images):
            if said := self._look_up(places, address):
                (line,) = find_lines(text, address, 1)
                yield _describe(text, line, f"the image {address}", said)
        if text.image and (said := self._look_up(places, text.image)):
            yield _describe(text, text.line_of("image"), f"image: found {text.image}", said)

    def _look_up(self, places: ImagePlaces, address: str) -> tuple[str, str, str] | None:
        try:
            parts = urlsplit(address)
        except ValueError:  # half of an IPv6 address
            return None
        if parts.scheme or parts.netloc or not is_picture(unquote(parts.path)):
            return None
        path = places.find(parts.path)
        path = find_on_disk(path) if path else None
        if path is None or not path.is_file():
            return None
        if path not in self._known:
            self._known[path] = say(path)
        return self._known[path]


def say(path: Path) -> tuple[str, str, str] | None:
    """Return what was found of a picture, what was expected and how to mend it; None for fine."""
    problem = making.find_problem(path)
    if problem == "huge":
        width, height = read_size(path)
        most = making.MAX_PIXELS // 1_000_000
        return (
            f"it has {width * height / 1_000_000:.0f} megapixels",
            f"at most {most}, or a wide JPEG that is not progressive",
            "make it smaller: readers get it as a whole",
        )
    if problem == "moving":
        return (
            f"it moves, and readers get all of its {path.stat().st_size / 1000:.0f} kB",
            "a picture that does not, or a film",
            "keep it short, or make a film of it (mp4, webm)",
        )
    if problem == "broken":
        return (
            "it cannot be read as a picture",
            "a whole JPEG, PNG, WebP, GIF or AVIF",
            "save it again",
        )
    if says_place(path):
        return (
            "it says where it was taken, and so does what readers get",
            "an AVIF without it",
            "save it as JPEG, PNG or WebP, from which the blog takes it out",
        )
    return None


def says_place(path: Path) -> bool:
    """Tell whether a picture says where it was taken, and is of a kind that is sent as it is."""
    with making.bombs_are_errors(), making.open_picture(path) as image:
        return image.format == "AVIF" and bool(image.getexif().get_ifd(PLACE_TAG))


def _describe(text: Post, line: int, what: str, said: tuple[str, str, str]) -> Fault:
    found, expected, mend = said
    return Fault(text.path, line, f"{what}: {found}", expected, mend)
