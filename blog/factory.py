"""Put the application together: what answers a request, in which order."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from blog.cli import desk_cli, doctor, posts_cli, readers_cli, store_cli
from blog.config import Settings, SettingsError
from blog.desk.dashboard import Dashboard, install_dashboard
from blog.desk.reports import Reports
from blog.desk.routes import install_desk
from blog.ops.below import serve_below
from blog.ops.headers import install_headers, security_headers
from blog.ops.probes import Access, check_hosts, mount_probes, time_pages
from blog.pages import Content, PageCache, install_assets, install_pages, register_errors
from blog.pages.theme import make_loader
from blog.site_folder import engine_folder, find_site, overridden
from blog.viblog import Viblog

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def make_app() -> Flask:
    """Make the application of this process's settings.

    A command ends with a line for each that cannot be used; else this raises `SettingsError`.
    """
    try:
        return create_app()
    except SettingsError as error:
        if click.get_current_context(silent=True) is None:  # a server, which has its own way
            raise
        sys.exit(error.at_exit)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the WSGI application; posts are read, nothing is started and nothing connected.

    Raises `SettingsError` with a line for every setting that cannot be used.
    """
    settings = settings or Settings.from_process()
    viblog = Viblog(settings)
    viblog.load()

    site = find_site()
    app = Flask("blog", root_path=str(engine_folder()))
    app.jinja_loader = make_loader(site, settings.theme)
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts) or None
    # Nobody sends us anything: no form, no upload.
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.extensions["viblog"] = app.extensions["presence"] = viblog
    if viblog.following is not None:
        app.config["TEMPLATES_AUTO_RELOAD"] = True
        app.jinja_env.globals["following"] = viblog.following
    assets = install_assets(app, *overridden(site, "static", settings.theme))
    content = Content(
        settings, viblog.library, viblog.pages, viblog.numbers, viblog.search, viblog.cards
    )
    app.extensions["pictures"], app.extensions["originals"] = viblog.pictures, viblog.originals
    install_pages(app, content)
    app.cli.add_command(posts_cli)
    app.cli.add_command(doctor)
    app.cli.add_command(desk_cli)
    app.cli.add_command(readers_cli)
    app.cli.add_command(store_cli)
    register_errors(app, settings)
    install_desk(app, viblog.desk, viblog.numbers)
    reports = Reports(viblog.database, settings.time_zone)
    install_dashboard(app, Dashboard(reports, viblog.events.last))
    install_headers(app, settings)
    flask_app: WSGIApplication = app.wsgi_app
    pages = flask_app
    if settings.page_cache_megabytes and not settings.dev:  # then templates change, too
        pages = PageCache(
            flask_app,
            lambda: (
                viblog.library.index,
                viblog.pages.index,
                assets.state(),
                viblog.pictures.known,
            ),
            lambda: viblog.numbers.version,
            max_bytes=settings.page_cache_megabytes * 1024 * 1024,
            base_path=settings.base_path,
        )
    if viblog.metrics:
        pages = time_pages(pages, viblog.metrics.pages.answered, time.monotonic)
    if viblog.recording is not None:
        pages = viblog.recording.count_loads(pages, viblog.texts.find_page)
    # Flask itself refuses a host that is not trusted.
    live = viblog.presence.wrap(pages, headers=security_headers(settings))
    wsgi_app = check_hosts(live, flask_app, settings.trusted_hosts)
    hops = settings.proxy_hops
    if hops:
        wsgi_app = ProxyFix(wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    wsgi_app = serve_below(settings.base_path, wsgi_app)
    answer_metrics = viblog.metrics.answer if viblog.metrics else None
    access = Access(settings.metrics, settings.metrics_token)
    wsgi_app = mount_probes(wsgi_app, viblog.readiness, answer_metrics, access)
    app.wsgi_app = wsgi_app  # type: ignore[assignment, method-assign]
    return app
