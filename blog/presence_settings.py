"""What the presence has of the blog's settings."""

from __future__ import annotations

from blog.config import Settings
from flask_presence.settings import PresenceSettings
from flask_presence.streams.hub import Limits
from flask_presence.tracking import Timings

# Used only by a program that never set BLOG_REDIS_URL; gunicorn.conf.py always does.
DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
# As before the library had a name of its own: nobody with an open blog counts twice.
COOKIE_NAME = "viblog_reader"
# How often an open page hears of the newest version in development.
DEV_PING_SECONDS = 1.0


def presence_settings(settings: Settings) -> PresenceSettings:
    """Return what the presence has of the blog's settings."""
    return PresenceSettings(
        redis_url=settings.redis_url or DEFAULT_REDIS_URL,
        redis_prefix=settings.redis_prefix,
        cookie_name=COOKIE_NAME,
        timings=Timings(
            lease_seconds=settings.lease_seconds, heartbeat_seconds=settings.heartbeat_seconds
        ),
        limits=Limits(
            pace_seconds=settings.pace_seconds,
            ping_seconds=DEV_PING_SECONDS if settings.dev else settings.ping_seconds,
            rotate_seconds=settings.rotate_seconds,
            stall_seconds=settings.stall_seconds,
        ),
        linger_seconds=settings.linger_seconds,
        pauses_hidden_tabs=settings.pause_hidden_tabs,
        counts_private=settings.privacy_signal == "tab",
        takes_over=settings.transport == "auto",
        max_streams=settings.max_streams,
        max_streams_per_address=settings.max_streams_per_address,
        max_streams_per_reader=settings.max_streams_per_reader,
        max_opens_per_address=settings.max_opens_per_address,
    )
