"""The addresses that a post's front matter names: old ones, pictures, other sites."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from blog.posts.finding import is_media

MAX_ADDRESS_CHARS = 2000

_NOT_IN_AN_ADDRESS = re.compile(r"[\s\\\x00-\x1f\x7f<>\"]")
_SCHEME = re.compile(r"[\w+.-]+:")
# No network shows these beside a link; some are no pictures at all.
_HIDDEN_ELSEWHERE = (
    *(".avif", ".bmp", ".heic", ".heif", ".ico", ".jxl", ".svg", ".svgz", ".tif", ".tiff"),
    *(".mp4", ".webm", ".mp3", ".oga", ".ogg", ".wav", ".vtt", ".pdf"),
)
_TEXT = re.compile(r"\.(?:md|markdown|mdown|mkd)$")
_INDEX = re.compile(r"/index\.html?$")
# Stands for `..` in the address of a file: browsers and servers resolve `..`, even escaped.
_UP = "~up"


# What the addresses of posts begin with; those of pages begin with "".
POSTS_ROOT = "/blog"


def post_path(post_id: str, root: str = POSTS_ROOT) -> str:
    """Return the address of a post; with another root, that of a page."""
    return f"{root}/{quote(post_id)}"


def file_path(name: str, root: str = POSTS_ROOT) -> str:
    """Return the address that leads to a text by its file; `name` is relative to the texts'
    folder.
    """
    return f"{root}/{quote(name)}"


def settle_address(address: str, post_id: str, root: str = POSTS_ROOT, folder: str = "") -> str:
    """Return a relative address of a text as one from the root, good on every page.

    A picture or another file beside the text is below the text's own address, `/blog/<id>/x.png`.
    Another post may be named by its file, seen from the text's `folder` in that of the posts: its
    address, `/blog/folder/other.md`, leads to the post. The rest is relative to the text's own
    address. `root` is what that begins with.
    """
    try:
        parts = urlsplit(address)
    except ValueError:  # half of an IPv6 address
        return address
    if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
        return address
    if is_media(unquote(parts.path)):
        names = posixpath.normpath(unquote(parts.path)).split("/")
        below = [_UP if name == ".." else quote(name) for name in names]
        path = "/".join([post_path(post_id, root), *below])
    elif _TEXT.search(parts.path):
        path = file_path(posixpath.normpath(posixpath.join(folder, unquote(parts.path))), root)
    else:
        path = urljoin(post_path(post_id, root), parts.path)
    return urlunsplit(("", "", path, parts.query, parts.fragment))


def put_below(base_path: str, address: str) -> str:
    """Return an address from the blog's root as one from its host's; any other as it is."""
    is_ours = address.startswith("/") and not address.startswith("//")
    return base_path + address if is_ours else address


def read_media_name(path: str) -> str:
    """Return the relative path of a file from the part of its address that follows the text's
    own.
    """
    return "/".join(".." if name == _UP else name for name in path.split("/"))


def write_alias_key(path: str) -> str:
    """Return what all spellings of one old address have in common.

    Escapes, a slash at the end and `index.html` make no difference, as on the servers of files
    that old addresses come from; nor does the form of Unicode.
    """
    plain = unicodedata.normalize("NFC", unquote(path))
    return _INDEX.sub("/", plain).rstrip("/") or "/"


def read_alias(text: str) -> str | None:
    """Return an old address as a path from the root; None for what is none.

    `old-name` is `/old-name`, as Hugo has it; of a whole address only the path counts. A query
    (`/?p=12`) is no address of a page here.
    """
    if is_web_address(text):
        text = "/" + text.split("://", 1)[1].partition("/")[2]
    path = text if text.startswith("/") else f"/{text}"
    if path.startswith("//") or len(path) > MAX_ADDRESS_CHARS:
        return None
    if _NOT_IN_AN_ADDRESS.search(path) or "?" in path or "#" in path or _SCHEME.match(text):
        return None
    if {".", ".."} & set(unquote(path).split("/")) or write_alias_key(path) == "/":
        return None
    return path


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address such as https://example.org/x."""
    if _NOT_IN_AN_ADDRESS.search(text) or len(text) > MAX_ADDRESS_CHARS:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:  # half of an IPv6 address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def is_shown_elsewhere(address: str) -> bool:
    """Tell by its ending whether other sites and messengers show a picture; one without an
    ending counts.
    """
    path = address.partition("#")[0].partition("?")[0].lower()
    return not path.endswith(_HIDDEN_ELSEWHERE)


def is_image(text: str) -> bool:
    """Tell whether a text is a picture's address, or its file beside the post."""
    if is_web_address(text):
        return True
    if text.startswith("//") or len(text) > MAX_ADDRESS_CHARS or _SCHEME.match(text):
        return False
    return not {"..", ""} & set(unquote(text.removeprefix("/")).split("/"))
