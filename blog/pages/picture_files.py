"""Answer with an author's file: a picture in the width that was asked for, or as it is.

Nothing that is sent says where it was taken.
"""

from __future__ import annotations

from io import BytesIO
from mimetypes import guess_type
from pathlib import Path

from flask import Response, abort, current_app, request, send_file

from blog.pictures import Originals, Pictures
from blog.pictures.originals import CannotCleanError
from blog.pictures.picture import is_picture

# A year, the longest that RFC 9111 caches are asked to believe; `immutable` is RFC 8246.
FOR_GOOD = "public, max-age=31536000, immutable"
VERSION_DIGITS = 12


def find_pictures() -> Pictures | None:
    """Return the pictures of the app of this request; None for an app without copies."""
    return current_app.extensions.get("pictures")


def send_authors_file(path: Path) -> Response:
    """Answer with a file that is there: a picture without what its camera said. 404 for none."""
    try:
        if is_picture(path.name):
            return send_picture(path)
        return send_file(path.absolute(), conditional=True)
    except (OSError, ValueError):  # taken away since it was listed, or a name that none can have
        abort(404)


def send_picture(path: Path) -> Response:
    """Answer with the copy that `?w=640` asks for; until it is made, with the original.

    A browser may keep it for good where `?v=` names the present content. Raises OSError for a file
    that is gone.
    """
    pictures = find_pictures()
    wanted = request.args.get("w", "")
    if pictures and wanted.isascii() and wanted.isdecimal() and len(wanted) <= 5:
        copy = pictures.find_copy(path, int(wanted))
        if copy is not None and copy.is_file():
            response = send_file(copy.absolute(), "image/webp", conditional=True)
            picture = pictures.find(path)
            if picture and request.args.get("v") == picture.digest[:VERSION_DIGITS]:
                response.headers["Cache-Control"] = FOR_GOOD
            return response
    return send_original(path)


def send_original(path: Path) -> Response:
    """Answer with a picture as it is, but for what its camera said. Raises OSError, `BusyError`."""
    originals: Originals | None = current_app.extensions.get("originals")
    if originals is None:
        return send_file(path.absolute(), conditional=True)
    try:
        sent = originals.find(path)
    except CannotCleanError:  # `check` says so
        abort(404)
    mimetype = guess_type(path.name)[0] or "application/octet-stream"
    file = BytesIO(sent) if isinstance(sent, bytes) else sent.absolute()
    return send_file(file, mimetype, conditional=True)
