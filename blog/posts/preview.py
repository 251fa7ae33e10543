"""Links by which whoever has one may see one hidden post, for a time."""

from __future__ import annotations

from datetime import UTC, datetime

from itsdangerous import BadSignature, URLSafeSerializer

# Keeps what is signed here from being taken for something else that the same key signs.
_SALT = "viblog.preview"


def sign_preview(secret: str, post_id: str, expires: datetime) -> str:
    """Return a token for an address: a post's id and when the link ends, signed.

    Raises `ValueError` without a secret: anybody could sign with an empty one.
    """
    if not secret:
        raise ValueError("a preview needs a secret to be signed with")
    return _serializer(secret).dumps([post_id, int(expires.timestamp())])


def read_preview(secret: str, token: str, now: datetime) -> tuple[str, datetime] | None:
    """Return the post's id and when the link ends; None where it has ended or is forged.

    Also None without a secret. `token` may be anything that a request says.
    """
    if not secret:
        return None
    try:
        post_id, expires = _serializer(secret).loads(token)
        moment = datetime.fromtimestamp(expires, UTC)
    except (BadSignature, ValueError):
        return None
    return (post_id, moment) if now < moment else None


def preview_path(token: str) -> str:
    """Return the address of a preview."""
    return f"/preview/{token}"


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=_SALT)
