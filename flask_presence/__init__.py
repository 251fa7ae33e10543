"""Presence for Flask: who has which page open, agreed on by all workers, and streamed to the pages.

`flask_presence.tracking` counts, over Redis; `streams` holds the open server-sent-event streams;
`web` lets a tab in; `server` has what gunicorn needs. Nothing is imported here: gunicorn's master
must not load redis, and none of them needs all others.
"""
