"""`flask posts check`: faults, hints, and posts that are not visible yet."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import click
from flask import Flask

from blog.cli.links import LinkCheck, Texts
from blog.cli.overrides import find_unfit_overrides
from blog.cli.pictures import PictureCheck
from blog.cli.settings_check import examine_language
from blog.config import Settings
from blog.posts import Fault, Index, Library, Post
from blog.posts.finding import describe_others
from blog.posts.links import Links, find_links
from blog.posts.markup.markdown import describe_crash, render_with_hints
from blog.posts.schema import NAMES
from blog.site_folder import SETTINGS_FILE


def check_posts(app: Flask, library: Library, own_pages: Library) -> bool:
    """Print what there is to say of all posts and pages; return whether there is no fault."""
    posts, listed = library.index.all(), own_pages.index.all()
    settings: Settings = app.extensions["viblog"].settings
    faults = [*library.index.faults, *own_pages.index.faults]
    hints = [*_find_unknown_fields([*posts, *listed])]
    hints += [hint for text in (*posts, *listed) for hint in text.hints]
    for source in (library, own_pages):
        is_empty = not (source.index.all() or source.index.faults)
        if is_empty and (others := describe_others(source.folder)):
            hints.append(Fault(source.folder, 1, others, "some", "convert them, or name them so"))
    pictures = PictureCheck()
    links: dict[Library, dict[str, Links]] = {library: {}, own_pages: {}}
    texts = [*((library, post) for post in posts), *((own_pages, page) for page in listed)]
    with click.progressbar(texts, label="Rendering", file=sys.stderr) as shown:
        for source, text in shown:
            try:
                rendered, said = render_with_hints(text, source.style)
            except Exception as error:  # noqa: BLE001 - whatever an extension raises is this text's fault
                faults.append(describe_crash(text, error))
            else:
                found = links[source][text.id] = find_links(rendered.html)
                hints += [*said, *pictures.find_hints(source, text, found)]
    check = LinkCheck(
        app,
        Texts(library.index, links[library], library.folder),
        Texts(own_pages.index, links[own_pages], own_pages.folder, own_pages.style.root),
        settings.site_url,
    )
    faults += [*check.find_faults(), *_find_menu_faults(settings, check)]
    faults += find_unfit_overrides(app)
    for fault in sorted(faults):
        click.echo(str(fault))
    # A missing picture is a fault here, and no hint besides.
    told = {_name_place(fault) for fault in faults}
    hints = sorted(hint for hint in hints if _name_place(hint) not in told)
    for hint in hints:
        click.echo(f"{hint.path}:{hint.line}: hint: {hint.describe()}")
    for finding in examine_language(settings):
        click.echo(str(finding))
    for index in (library.index, own_pages.index):
        for line in _list_hidden(index):
            click.echo(line)
    totals = [_count(len(posts), "post"), _count(len(faults), "fault")]
    if listed:
        totals.insert(1, _count(len(listed), "page"))
    if hints:
        totals.append(_count(len(hints), "hint"))
    click.echo(", ".join(totals), err=bool(faults))
    return not faults


def _name_place(fault: Fault) -> tuple[Path, int, str]:
    """Return where something is, and what it is said of: `the image a.png`, quoted or not."""
    what = fault.found.partition(": ")[0]
    return fault.path, fault.line, what.translate({ord(mark): None for mark in "“”"})


def _find_menu_faults(settings: Settings, check: LinkCheck) -> Iterator[Fault]:
    for item in settings.menu:
        path = item.target if item.is_address else f"/{item.target}"
        if path.startswith("/") and item.target != "posts" and (problem := check.ask(path)):
            found = f"menu (BLOG_MENU): found {item.target}: {problem}"
            expected = "the name of a page, or an address"
            yield Fault(Path(SETTINGS_FILE), 1, found, expected, "correct it, or remove it")


def _find_unknown_fields(posts: list[Post]) -> Iterator[Fault]:
    """Yield a hint for each name that is no field: with the first post that has it."""
    holders: dict[str, list[Post]] = defaultdict(list)
    for post in sorted(posts, key=lambda post: post.path):
        for name in post.extra:
            holders[name].append(post)
    for name, having in holders.items():
        first = having[0]
        others = f", as in {len(having) - 1} more" if len(having) > 1 else ""
        near = get_close_matches(name.lower(), NAMES, n=1, cutoff=0.75)
        mend = f"do you mean {near[0]}?" if near else "it is kept, and nothing is done with it"
        found = f"{name} is no field of this blog{others}"
        yield Fault(first.path, first.line_of(name.lower()), found, "a field it knows", mend)


def _list_hidden(index: Index) -> Iterator[str]:
    for post in index.drafts:
        yield f"{post.path}: a draft"
    for post in index.scheduled:
        if post.date is not None:
            yield f"{post.path}: scheduled for {post.date:%Y-%m-%d %H:%M %Z}"
    for post in index.expired:
        if post.expires is not None:
            yield f"{post.path}: expired on {post.expires:%Y-%m-%d %H:%M %Z}"


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
