"""A link to a film, alone in its paragraph, becomes a card: nothing of another site is loaded.

A click opens the film there; or, where the security policy lets its player in, unfolds a frame
that is loaded only then. A file of a film is shown by the browser itself, and loaded on a click.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.treeprocessors import Treeprocessor

from blog.posts.markup.hints import Hints

_FILE = re.compile(r"\.(?:mp4|m4v|webm|ogv)$", re.IGNORECASE)
_YOUTUBE_HOSTS = frozenset(["www.youtube.com", "youtube.com", "m.youtube.com", "youtu.be"])
# Without cookies where it may be chosen.
_YOUTUBE_PLAYERS = ("https://www.youtube-nocookie.com", "https://www.youtube.com")
_YOUTUBE_PATH = re.compile(r"/(?:(?:shorts|live|embed)/)?([\w-]{11})/?")
_VIMEO_PATH = re.compile(r"/(?:channels/\w+/)?(\d{4,12})(?:/(\w{6,20}))?/?")
# PeerTube runs on many hosts and is recognised by its ids: 22 digits of base 58, or a UUID.
_PEERTUBE_PATH = re.compile(
    r"/(?:w|videos/watch)/([1-9A-HJ-NP-Za-km-z]{22}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})/?"
)
_SECONDS = re.compile(r"(?:(\d{1,2})h)?(?:(\d{1,3})m)?(?:(\d{1,6})s?)?")


@dataclass(frozen=True, slots=True)
class Film:
    """A film on another site: the site's name, and the addresses of its players, best first."""

    site: str
    players: tuple[str, ...]

    @classmethod
    def find(cls, address: str) -> Film | None:
        """Return the film that an address is the page of; None for any other address."""
        try:
            parts = urlsplit(address)
        except ValueError:  # half of an IPv6 address
            return None
        if parts.scheme not in ("http", "https") or parts.username is not None:
            return None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.netloc in _YOUTUBE_HOSTS:
            return _find_on_youtube(parts.path, query)
        if parts.netloc in ("vimeo.com", "www.vimeo.com"):
            found = _VIMEO_PATH.fullmatch(parts.path)
            secret = f"&h={found[2]}" if found and found[2] else ""
            player = f"https://player.vimeo.com/video/{found[1]}?dnt=1{secret}" if found else ""
            return cls("Vimeo", (player,)) if player else None
        found = _PEERTUBE_PATH.fullmatch(parts.path)
        player = f"https://{parts.netloc}/videos/embed/{found[1]}" if found else ""
        return cls(parts.netloc, (player,)) if player else None

    def choose_player(self, hosts: Collection[str]) -> str:
        """Return the address of a player that frames may show; "" where none may."""
        return next((url for url in self.players if url.startswith(tuple(_inside(hosts)))), "")


def _inside(hosts: Collection[str]) -> list[str]:
    return [f"{host}/" for host in hosts]


def _find_on_youtube(path: str, query: dict[str, str]) -> Film | None:
    found = _YOUTUBE_PATH.fullmatch(f"/{query.get('v', '')}" if path == "/watch" else path)
    if found is None:
        return None
    start = _SECONDS.fullmatch(query.get("t") or query.get("start") or "")
    hours, minutes, seconds = (int(part or 0) for part in start.groups()) if start else (0, 0, 0)
    began = hours * 3600 + minutes * 60 + seconds
    path = f"/embed/{found[1]}" + (f"?start={began}" if began else "")
    return Film("YouTube", tuple(player + path for player in _YOUTUBE_PLAYERS))


class VideoStep(Treeprocessor):
    """Makes a card of each paragraph that is nothing but a link to a film."""

    def __init__(self, md: Markdown, frame_hosts: Collection[str], hints: Hints) -> None:
        super().__init__(md)
        self._frame_hosts = frame_hosts
        self._hints = hints

    def run(self, root: Element) -> None:
        """Change such paragraphs, wherever they stand."""
        for paragraph in list(root.iter("p")):
            if len(paragraph) != 1 or paragraph[0].tag != "a":
                continue
            link = paragraph[0]
            if not ((paragraph.text or "").strip() or (link.tail or "").strip()):
                with self._hints.guard(link):
                    self._write_card(paragraph, link)

    def _write_card(self, paragraph: Element, link: Element) -> None:
        address = link.get("href") or ""
        if _FILE.search(address.partition("#")[0].partition("?")[0]):
            _write_film(paragraph, link)
        elif film := Film.find(address):
            _shorten(link, address)
            site = Element("span", {"class": "site-name"})
            site.text = film.site
            player = film.choose_player(self._frame_hosts)
            if player:
                _write_frame(paragraph, link, site, player)
            else:
                paragraph.set("class", "film")
                site.tail = link.text
                link.text = None
                link.insert(0, site)


def _write_film(paragraph: Element, link: Element) -> None:
    """Show a film's own file, which a browser loads when it is asked to play it."""
    film = Element("video", {"controls": "controls", "preload": "none"})
    film.set("src", link.get("href") or "")
    _shorten(link, link.get("href") or "")
    caption = Element("figcaption")
    caption.append(link)
    paragraph.tag = "figure"
    paragraph.set("class", "film")
    paragraph[:] = [film, caption]


def _write_frame(paragraph: Element, link: Element, site: Element, player: str) -> None:
    """Unfold the player of another site; the link to the film's page stays below it."""
    summary = Element("summary")
    site.tail = "".join(link.itertext())
    summary.append(site)
    frame = Element("iframe", {"src": player, "loading": "lazy", "title": site.tail})
    frame.set("allow", "fullscreen; picture-in-picture")
    below = Element("p")
    below.append(link)
    paragraph.tag = "details"
    paragraph.set("class", "film")
    paragraph.text = None
    paragraph[:] = [summary, frame, below]


def _shorten(link: Element, address: str) -> None:
    """Leave the scheme away where a bare address is all that the link says."""
    if len(link) == 0 and link.text == address:
        link.text = re.sub(r"^https?://(?:www\.)?", "", address)
