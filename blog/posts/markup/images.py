"""Images: their size, so that nothing moves when they arrive, and their captions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError

import imagesize
from markdown import Markdown
from markdown.treeprocessors import Treeprocessor

from blog.posts.finding import find_on_disk
from blog.posts.markup.hints import Hints, quote

STATIC_URL = "/static/"


@dataclass(frozen=True, slots=True)
class ImagePlaces:
    """Where the files behind a post's image addresses are; None where nobody knows."""

    beside: Path | None = None
    posts_dir: Path | None = None
    static_dir: Path | None = None

    def find(self, address: str) -> Path | None:
        """Return the path that an address stands for, or None where it is not ours to look for.

        `/static/…` is in the static folder, a path without a root beside the post, never outside
        of the posts folder. Neither need be there.
        """
        path = unquote(address)
        if path.startswith(STATIC_URL):
            return _join(self.static_dir, self.static_dir, path.removeprefix(STATIC_URL))
        if path.startswith("/"):
            return None
        return _join(self.posts_dir, self.beside, path)


class ImageStep(Treeprocessor):
    """Gives images their size and lets them wait; makes a figure of one that stands alone."""

    def __init__(self, md: Markdown, places: ImagePlaces, hints: Hints) -> None:
        super().__init__(md)
        self._places = places
        self._hints = hints

    def run(self, root: Element) -> None:
        """Change every image; of a paragraph of one image with a title, make a figure."""
        for element in root.iter():
            if element.tag == "img":
                with self._hints.guard(element):
                    self._complete(element)
            elif element.tag == "p":
                with self._hints.guard(element):
                    _write_figure(element)

    def _complete(self, image: Element) -> None:
        image.set("loading", "lazy")
        image.set("decoding", "async")
        address = image.get("src") or ""
        try:
            parts = urlsplit(address)
        except ValueError:  # half of an IPv6 address; `check` says so of every address
            return
        if "\x02" in address or parts.scheme or parts.netloc or not parts.path:
            return
        path = self._places.find(parts.path)
        if path is None:
            return
        path = find_on_disk(path)
        found = _find_fault(path)
        if found:
            self._hints.add(
                address,
                f"the image {quote(address)}: {found}",
                f"an image beside the post, or in the static folder as {STATIC_URL}…",
                "put the file there, or correct the path",
            )
        elif image.get("width") is None and image.get("height") is None:
            width, height = _read_size(path)
            if width > 0 and height > 0:
                image.set("width", str(width))
                image.set("height", str(height))


def _join(within: Path | None, folder: Path | None, path: str) -> Path | None:
    if within is None or folder is None:
        return None
    joined = Path(os.path.normpath(folder / path))
    # The text of the paths decides: a link in the folder may lead where its owner likes.
    return joined if joined.is_relative_to(os.path.normpath(within)) else None


def _find_fault(path: Path) -> str:
    try:
        return "" if path.is_file() else "there is no such file"
    except OSError as error:
        return error.strerror or "it cannot be read"


def _read_size(path: Path) -> tuple[int, int]:
    """Read width and height in pixels from a file's head, 0 where it does not say."""
    try:
        width, height = imagesize.get(path)
    except (OSError, ValueError, ArithmeticError, ParseError):
        return 0, 0
    return round(width), round(height)


def _write_figure(paragraph: Element) -> None:
    if len(paragraph) != 1 or (paragraph.text or "").strip() or (paragraph[0].tail or "").strip():
        return
    shown = paragraph[0]
    image = shown
    if shown.tag == "a" and len(shown) == 1 and not (shown.text or "").strip():
        image = shown[0]  # a picture that is a link
    if image.tag != "img" or not image.get("title") or (image.tail or "").strip():
        return
    paragraph.tag = "figure"
    caption = Element("figcaption")
    caption.text = image.attrib.pop("title")
    paragraph.append(caption)
