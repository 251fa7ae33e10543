"""The blueprint of all pages, and what its views answer with."""

from __future__ import annotations

from flask import Blueprint, current_app

from blog.cards import Cards
from blog.config import Settings
from blog.pages.catalogue import Catalogue, Catalogues
from blog.pages.render import LiveNumbers, PageRenderer
from blog.posts import Library
from blog.search import Search
from blog.words import load_words

# The files beside this one add their views to it.
pages = Blueprint("pages", __name__)


class Content:
    """What the pages of one app are made of. `app.extensions["pages"]` holds it."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        own_pages: Library,
        live: LiveNumbers,
        search: Search,
        cards: Cards,
    ) -> None:
        self.settings = settings
        self.library = library
        self.pages = own_pages
        self.live = live
        self.search = search
        self.cards = cards
        self.words = load_words(settings.language, settings.words)
        self.renderer = PageRenderer(settings, live)
        self._catalogues = Catalogues(library)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that a request takes once, so that no page is made of two states of the
        posts.
        """
        return self._catalogues.latest


def content() -> Content:
    """Return what the app of this request answers with."""
    found: Content = current_app.extensions["pages"]
    return found
