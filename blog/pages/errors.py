"""The error pages: they look like the others, and use nothing that may have caused the error."""

from __future__ import annotations

import html
import logging
from functools import lru_cache
from typing import Any

from flask import Flask, render_template, request, url_for
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from blog.config import Settings
from blog.native import BusyError
from blog.pages.assets import install_assets
from blog.pages.theme import find_mistake
from blog.words import N_, load_words

log = logging.getLogger(__name__)

# For readers: what happened and what they can do now.
MESSAGES = {
    404: (
        N_("Nobody is here"),
        N_("There is no such page. It may have moved, or the address has a slip."),
    ),
    405: (N_("Not that way"), N_("This page can be read, but not asked to do that.")),
    500: (
        N_("Something broke on our side"),
        N_("It is not your doing, and it has been logged. Trying again in a moment often helps."),
    ),
    503: (N_("Not right now"), N_("The blog is busy. Please try again in a moment.")),
}
OTHERWISE = (N_("That did not work"), N_("The blog cannot answer a request like this one."))

# Where too many wait for a card, a picture or an icon.
BUSY_RETRY_SECONDS = 5
# One for each error and each endpoint that it is met at.
MAX_CACHED = 64

BARE_PAGE = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{heading}</title></head>
<body><main><h1>{heading}</h1><p>{words}</p>
<p><a href="{base_path}/">{all_posts}</a></p></main></body>
</html>
"""


def register_errors(app: Flask, settings: Settings) -> None:
    """Answer every HTTP error and every uncaught exception with a page."""
    pages = _ErrorPages(app, settings)

    def log_exception(found: Any) -> None:
        if mistake := find_mistake(found[1]):
            log.error("templates: found a mistake in %s; asked for %s", mistake, request.path)
        else:
            Flask.log_exception(app, found)

    app.log_exception = log_exception  # type: ignore[assignment, method-assign]
    app.register_error_handler(HTTPException, pages.answer)
    busy = ServiceUnavailable(retry_after=BUSY_RETRY_SECONDS)
    app.register_error_handler(BusyError, lambda error: pages.answer(busy))


class _ErrorPages:
    """The pages of one app's errors.

    They show neither numbers nor posts and open no stream, so they stand when the library, presence
    or Redis is what failed. Each is rendered once: a client that asks for a missing page often asks
    for thousands.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._assets = install_assets(app)
        self._words = load_words(settings.language, settings.words)
        # In development templates change, too.
        self._render = self._draw if settings.dev else lru_cache(MAX_CACHED)(self._draw)

    def answer(self, error: HTTPException) -> ResponseReturnValue:
        """Return the page of an error, or the answer that it has of its own."""
        if error.response is not None or error.code is None:
            return error
        heading, text = self._describe(error)
        if request_ctx.url_adapter is None:
            # A host that is not trusted: no address can be made, and there is nothing to log.
            return self._write_bare(heading, text), error.code
        try:
            menu = self._app.extensions["pages"].pages.index.version
            made_of = (request.endpoint, request.script_root, self._assets.state(), menu)
            page = self._render(error.code, heading, text, *made_of)
        except Exception as failure:  # whatever fails here, the reader gets a page
            if mistake := find_mistake(failure):
                log.error("templates: found a mistake in %s; a bare page was sent", mistake)
            else:
                log.exception("The template of the error page failed; a bare page was sent")
            page = self._write_bare(heading, text)
        # What the error has to say beside its page: Allow, Retry-After, WWW-Authenticate.
        headers = [(key, value) for key, value in error.get_headers() if key != "Content-Type"]
        return page, error.code, headers

    def _describe(self, error: HTTPException) -> tuple[str, str]:
        """Return the heading and the text of an error."""
        found = MESSAGES.get(error.code or 0, OTHERWISE)
        heading, text = map(self._words.gettext, found)
        if error.description and error.description != type(error).description:
            text = error.description  # what a view has to say of it
        original = getattr(error, "original_exception", None)
        if self._settings.dev and original is not None:
            text = find_mistake(original) or text
        return heading, text

    def _draw(self, code: int, heading: str, text: str, *made_of: object) -> str:
        """Render the page; `made_of` is what it differs by beside its words."""
        is_of_menu = request.endpoint is not None and not request.view_args
        return render_template(
            "error.html",
            settings=self._settings,
            code=code,
            heading=heading,
            words=text,
            title=heading,
            current_path=url_for(str(request.endpoint)) if is_of_menu else "",
        )

    def _write_bare(self, heading: str, text: str) -> str:
        return BARE_PAGE.format(
            language=html.escape(self._settings.language),
            base_path=self._settings.base_path,
            heading=html.escape(heading),
            words=html.escape(text),
            all_posts=html.escape(self._words.gettext("All posts")),
        )
