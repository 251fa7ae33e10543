"""Images: sizes, so that nothing moves when a picture arrives, and captions."""

from __future__ import annotations

import os
import re
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
_ELSEWHERE = re.compile(r"[\w+.-]+:|//")


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
    """Gives images their size, has them loaded late, and makes figures of those that stand
    alone.
    """

    def __init__(self, md: Markdown, places: ImagePlaces, hints: Hints) -> None:
        super().__init__(md)
        self._places = places
        self._hints = hints

    def run(self, root: Element) -> None:
        """Change every image; of a paragraph of images only, make a figure or a gallery.

        One image with a title is a figure; several of our own, which no badges are, a gallery.
        """
        for image in root.iter("img"):
            with self._hints.guard(image):
                self._complete(image)
        for paragraph in list(root.iter("p")):
            with self._hints.guard(paragraph):
                _write_figure(paragraph)

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
            width, height = read_size(path)
            if width > 0 and height > 0:
                image.set("width", str(width))
                image.set("height", str(height))


def _join(within: Path | None, folder: Path | None, path: str) -> Path | None:
    if within is None or folder is None:
        return None
    joined = Path(os.path.normpath(folder / path))
    # Compare the paths as text: a symbolic link in the folder may lead wherever its owner likes.
    return joined if joined.is_relative_to(os.path.normpath(within)) else None


def _find_fault(path: Path) -> str:
    try:
        return "" if path.is_file() else "there is no such file"
    except OSError as error:
        return error.strerror or "it cannot be read"


def read_size(path: Path) -> tuple[int, int]:
    """Read width and height in pixels from a file's head, 0 where it does not say."""
    try:
        width, height = imagesize.get(path)
    except (OSError, ValueError, ArithmeticError, ParseError):
        return 0, 0
    return max(0, round(width)), max(0, round(height))  # -1 is said of what is no picture


def _write_figure(paragraph: Element) -> None:
    images = [_find_image(child) for child in paragraph]
    texts = [paragraph.text, *(child.tail for child in paragraph)]
    if None in images or any((text or "").strip() for text in texts):
        return
    shown = [image for image in images if image is not None]
    if len(shown) == 1 and shown[0].get("title"):
        paragraph.tag = "figure"
        _write_caption(paragraph, shown[0])
    elif len(shown) > 1 and all(map(_is_own, shown)):
        paragraph.tag = "div"
        paragraph.set("class", f"gallery {paragraph.get('class') or ''}".strip())
        for at, (child, image) in enumerate(zip(list(paragraph), shown, strict=True)):
            figure = paragraph[at] = Element("figure")
            figure.append(child)
            child.tail = None
            if image.get("title"):
                _write_caption(figure, image)


def _find_image(shown: Element) -> Element | None:
    """Return the image that an element is, or that is all of a link; None for anything else."""
    image = shown
    if shown.tag == "a" and len(shown) == 1 and not (shown.text or "").strip():
        image = shown[0]
        if (image.tail or "").strip():
            return None
    return image if image.tag == "img" else None


def _is_own(image: Element) -> bool:
    return not _ELSEWHERE.match(image.get("src") or "")


def _write_caption(figure: Element, image: Element) -> None:
    caption = Element("figcaption")
    caption.text = image.attrib.pop("title")
    figure.append(caption)
