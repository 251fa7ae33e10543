"""What is read now, this hour and today: a page for a wall, which counts nobody, and as JSON."""

from __future__ import annotations

from flask import Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from blog.pages.blueprint import content, pages
from blog.posts.page_names import NOW_PAGE

# A badge may be so old.
MAX_AGE_SECONDS = 5


@pages.get("/now")
def now() -> ResponseReturnValue:
    """Answer with the page of what is read now."""
    title = content().words.gettext("Now")
    return content().renderer.render("now.html", NOW_PAGE, url_for("pages.now"), title=title)


@pages.get("/now.json")
def now_json() -> ResponseReturnValue:
    """Answer with the same numbers for other programs, rounded as the page has them."""
    told = content().live.describe_now(content().renderer.site_url)
    response: Response = jsonify(told)
    response.cache_control.public = True
    response.cache_control.max_age = MAX_AGE_SECONDS
    response.add_etag()
    return response.make_conditional(request)
