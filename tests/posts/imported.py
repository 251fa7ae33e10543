"""Sites of other publishers, and what an import made of them."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from blog.importing import Outcome, Site, Target, find_site, import_posts
from blog.posts import Library, Post


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class Imported:
    """What an import of a site came to: its outcomes by file, and the library of the result."""

    def __init__(self, site: Path, kind: str = "", address: str = "", *, into: str = "ours"):
        place = site.parent if site.is_dir() else site.parent.parent
        self.folder = place / into
        self.folder.mkdir(exist_ok=True)
        found = find_site(site, kind, address)
        before = load(self.folder).index
        taken = {*before.by_id, *before.hidden}
        pages = Target(place / f"{into}-pages", ())
        outcomes = list(import_posts(found, Target(self.folder, taken), pages, UTC))
        self.kind = found.kind
        self.outcomes: dict[str, Outcome] = {
            outcome.path.relative_to(site if site.is_dir() else site.parent).as_posix(): outcome
            for outcome in outcomes
        }
        index = load(self.folder).index
        assert index.faults == ()
        self.pages = {page.id: page for page in load(pages.folder).index.all()}
        self.posts: dict[str, Post] = {**index.by_id, **index.hidden}

    def kinds(self) -> dict[str, str]:
        return {name: outcome.kind for name, outcome in self.outcomes.items()}

    def notes(self, name: str) -> list[str]:
        return list(self.outcomes[name].notes)


def bring(site: Site, folder: Path, *, only_tell: bool = False) -> list[Outcome]:
    """Import a site into a folder in which nothing is yet."""
    pages = Target(folder.parent / "pages", ())
    return list(import_posts(site, Target(folder, ()), pages, UTC, only_tell=only_tell))


def load(folder: Path) -> Library:
    library = Library(folder)
    library.load()
    return library
