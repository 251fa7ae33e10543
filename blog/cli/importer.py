"""`flask posts import`: posts of other publishers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from blog.importing import KINDS, ImportSourceError, Site, Target, find_site, import_posts
from blog.posts import Library


@click.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--from", "kind", type=click.Choice(KINDS), help="Whose posts; found out else.")
@click.option("--address", default="", help="The old addresses, such as /:year/:month/:slug/.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@with_appcontext
def import_command(path: Path, kind: str | None, address: str, dry_run: bool) -> None:
    """Copy the posts and pages of another publisher, converted.

    PATH is a site of Jekyll, Hugo, Pelican or NimblePublisher, or an export of WordPress (.xml) or
    Ghost (.json). Their old addresses become aliases. Nothing that exists is overwritten, and each
    file is reported, with what could not be converted.
    """
    try:
        site = find_site(path, kind or "", address)
        click.echo(f"{path}: {site.kind}; old addresses: {_describe_addresses(site)}")
        if site.feeds:
            told_feeds = " and ".join(site.feeds)
            click.echo(
                f"old feeds: {told_feeds} will lead to the feed here, with BLOG_SITE_URL set"
            )
        counts = _import(site, only_tell=dry_run)
    except ImportSourceError as error:
        raise click.ClickException(str(error)) from error
    totals = (f"{counts[name]} {name}" for name in ("imported", "kept", "left out"))
    click.echo(f"{', '.join(totals)}{'; nothing was written' if dry_run else ''}")


def _import(site: Site, *, only_tell: bool) -> Counter[str]:
    """Import a site and tell what becomes of each file; return how many of each kind."""
    library: Library = current_app.extensions["viblog"].library
    pages: Library = current_app.extensions["viblog"].pages
    counts: Counter[str] = Counter()
    told: set[Path] = set()
    texts = [*library.index.all(), *pages.index.all()]
    for outcome in import_posts(
        site,
        _list_taken(library),
        _list_taken(pages),
        library.zone,
        aliases=[alias for text in texts for alias in text.aliases],
        only_tell=only_tell,
    ):
        counts[outcome.kind] += 1
        told |= {outcome.path, *outcome.files}
        target = f" -> {outcome.target}" if outcome.target else ""
        click.echo(f"{outcome.kind}: {outcome.path}{target}")
        for note in outcome.notes:
            click.echo(f"    {note}")
    # Of posts that are kept nobody knows what they show.
    for other in () if counts["kept"] else site.walk_all():
        if other not in told and other.resolve() not in told:
            click.echo(f"left out: {other}, which no post shows")
    return counts


def _list_taken(library: Library) -> Target:
    return Target(library.folder, {text.id for text in library.index.all()})


def _describe_addresses(site: Site) -> str:
    if site.kind == "wordpress":
        return "as each post says"
    if not site.pattern(""):
        stay = site.kind == "nimble"
        return ("/blog/:id, which stay" if stay else "unknown") + "; give others with --address"
    prefix = site.prefix.rstrip("/")
    sections = sorted({*site.patterns, *site.ugly} - {""})
    told = [("", site.pattern(""))]
    told += [(f"in {name}: ", site.pattern(name)) for name in sections]
    told += [("in other languages: ", site.translated)] if site.translated else []
    told += [
        (f"by the defaults of {one.path or one.type or 'all'}: ", str(one.values["permalink"]))
        for one in site.defaults
        if "permalink" in one.values
    ]
    return "; ".join(f"{where}{prefix}/{pattern.lstrip('/')}" for where, pattern in told)
