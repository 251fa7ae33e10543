"""Presence beside a site of files: `flask-presence serve`, behind nginx or Caddy at /presence/."""
