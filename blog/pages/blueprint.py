"""The blueprint of all pages, and what its views answer with."""

from __future__ import annotations

import gevent
from flask import Blueprint, abort, current_app, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestTimeout

from blog.cards import Cards
from blog.config import Settings
from blog.pages.catalogue import Catalogue, Catalogues
from blog.pages.render import LiveNumbers, PageRenderer
from blog.posts import Library
from blog.search import Search
from blog.words import load_words
from flask_presence.web.request_signals import is_own

# The files beside this one add their views to it.
pages = Blueprint("pages", __name__)

MAX_FORM_BYTES = 16 * 1024
# A form of ours is so short that it arrives with the head of its request.
FORM_SECONDS = 2.0


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


def read_own_form() -> MultiDict[str, str]:
    """Return the fields of a form; 403 for one of another site, 413 for a long, 408 for a slow."""
    if not is_own(request.environ):
        abort(403)
    request.max_content_length = MAX_FORM_BYTES
    with gevent.Timeout(FORM_SECONDS, RequestTimeout()):
        form = request.form
        # Werkzeug cuts a body of no said length at the limit; asked for more, it refuses it.
        request.stream.read(1)
    return form
