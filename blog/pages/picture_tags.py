"""Pictures in HTML: in which widths each can be had, so that a browser fetches what it shows."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from blog.pages.blueprint import content
from blog.pages.picture_files import VERSION_DIGITS, find_pictures
from blog.pictures import Picture
from blog.posts import Index, Post
from blog.posts.addresses import put_below, settle_address
from blog.posts.finding import find_on_disk
from blog.posts.markup.html_tags import Attributes, rewrite_tags
from blog.posts.markup.images import ImagePlaces, read_size

# How wide static/style.css shows them; a `rem` of `sizes` is 16 px, whatever the page's is. A
# picture that waits may be anywhere, in a gallery say, and the browser knows where.
COLUMN = "(min-width: 42rem) 40.3rem, 90vw"
SIZES_OF_FIRST, SIZES_OF_OTHERS, SIZES_ON_CARDS = COLUMN, f"auto, {COLUMN}", "7.5rem"


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """What a template shows of a picture; `srcset` is empty where there is the original only."""

    src: str
    srcset: str
    sizes: str
    width: int
    height: int


def show_image(post: Post, sizes: str) -> ShownPicture | None:
    """Return the picture of a post's field `image`; None without one of our own of a known size."""
    if not post.image:
        return None
    address = find_address(post)
    path = find_file(address, post)
    if path is None:
        return None
    picture = find_picture(path)
    width, height = (picture.width, picture.height) if picture else (0, 0)
    if not (width and height):
        width, height = read_size(path)
    if not (width and height):
        return None
    src, srcset = list_copies(address, picture)
    return ShownPicture(src, srcset, sizes if srcset else "", width, height)


def show_opening(post: Post, body: str) -> ShownPicture | None:
    """Return the picture that opens a post; None where its text shows the same."""
    address = find_address(post)
    if f'src="{html.escape(address)}"' in body:
        return None
    return show_image(post, SIZES_OF_FIRST)


def show_thumbnail(post: Post) -> ShownPicture | None:
    """Return the picture of a post's card in a list; none that is sent as a whole for its size."""
    path = find_file(find_address(post), post) if post.image else None
    picture = find_picture(path) if path else None
    is_whole = picture is not None and bool(picture.problem)
    return None if is_whole else show_image(post, SIZES_ON_CARDS)


def find_shared(post: Post) -> str:
    """Return the address of what other sites show of `image`, its widest copy; "" without one.

    Some show no picture of several megabytes, and each fetches it with a link's preview.
    """
    address = find_address(post)
    path = find_file(address, post) if post.image else None
    picture = find_picture(path) if path else None
    return list_copies(address, picture)[0] if picture and picture.widths else ""


def find_address(post: Post) -> str:
    """Return the address of a post's field `image`, as it is in pages."""
    return put_below(content().settings.base_path, settle_address(post.image, post.id))


def move_picture(shown: ShownPicture, own: str, ours: str) -> ShownPicture:
    """Return a picture with its addresses below another one."""
    return replace(
        shown, src=shown.src.replace(own, ours, 1), srcset=shown.srcset.replace(own, ours)
    )


def add_copies(body: str, post: Post | None = None, *, has_first: bool = False) -> str:
    """Return the HTML with every width that each of our pictures can be had in.

    All wait until they are nearly seen, but for the page's first one, where it is in here. `post`
    is whose text it is, where that is hidden.
    """
    if "<img" not in body:
        return body
    is_next_first = has_first

    def change(tag: str, attrs: Attributes) -> Attributes:
        nonlocal is_next_first
        if tag != "img":
            return attrs
        is_first, is_next_first = is_next_first, False
        if is_first:
            attrs = [(name, value) for name, value in attrs if name != "loading"]
        return complete_image(attrs, post)

    return rewrite_tags(body, change)


def complete_image(attrs: Attributes, post: Post | None) -> Attributes:
    """Return the attributes of an image with the widths that it can be had in."""
    named = dict(attrs)
    address = named.get("src") or ""
    path = find_file(address, post)
    picture = find_picture(path) if path else None
    if picture is None or "srcset" in named:
        return attrs
    src, srcset = list_copies(address, picture)
    changed = {**named, "src": src}
    if srcset:
        changed["srcset"] = srcset
        is_waiting = named.get("loading") == "lazy"
        changed.setdefault("sizes", SIZES_OF_OTHERS if is_waiting else SIZES_OF_FIRST)
    if picture.width and not {"width", "height"} & named.keys():
        changed |= {"width": str(picture.width), "height": str(picture.height)}
    return list(changed.items())


def list_copies(address: str, picture: Picture | None) -> tuple[str, str]:
    """Return the address of the largest copy of a picture, and those of all with their widths."""
    if picture is None or not picture.widths or "?" in address or "#" in address:
        return address, ""
    version = picture.digest[:VERSION_DIGITS]
    copies = {width: f"{address}?w={width}&v={version}" for width in picture.widths}
    if picture.is_original_shown:
        copies[picture.width] = address
    listed = ", ".join(f"{copy} {width}w" for width, copy in copies.items())
    return copies[max(copies)], listed


def find_picture(path: Path) -> Picture | None:
    """Return what is known of a picture's file."""
    pictures = find_pictures()
    return pictures.find(path) if pictures else None


def find_file(address: str, post: Post | None = None) -> Path | None:
    """Return the file behind an address of this blog; None for none, and for one that is gone.

    `post` is one whose files are seen, though it may be hidden.
    """
    try:
        parts = urlsplit(address)
    except ValueError:  # half of an IPv6 address
        return None
    if parts.scheme or parts.netloc:
        return None
    below = parts.path.removeprefix(content().settings.base_path)
    path = unquote(below)
    if path.startswith("/static/"):
        pictures = find_pictures()
        found = ImagePlaces(static_dir=pictures.static_dir if pictures else None).find(below)
        return find_on_disk(found) if found else None
    index: Index = content().pages.index
    if path.startswith("/blog/"):
        index, path = content().catalogue.index, path.removeprefix("/blog")
    _, post_id, name = [*path.split("/", 2), "", ""][:3]
    owner = post if post and post.id == post_id else index.by_id.get(post_id)
    return index.find_media(owner, name) if owner else None
