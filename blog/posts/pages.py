"""The author's own pages, `pages/impressum.md` at /impressum: read, watched, rendered as posts are.

And the about page of a site that has it in a folder of its own, its sections one file each.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from hashlib import blake2b
from pathlib import Path

from blog.posts.finding import Stamp, find_files
from blog.posts.library import Library
from blog.posts.markup.markdown import Style
from blog.posts.model import Fault, Post
from blog.posts.page_names import RESERVED

ABOUT = "about"


class PageLibrary(Library):
    """The texts of the folder of pages, each at the root; a blog may do without the folder.

    Those of the folder `about` are one page, unless there is an `about` among the others.
    """

    def __init__(self, folder: Path, about: Path, *, zone: tzinfo, style: Style) -> None:
        style = replace(style, root="", posts_dir=folder)
        super().__init__(folder, zone=zone, style=style)
        self._about = about

    def find_files(self) -> Iterator[tuple[Path, Stamp | Fault | OSError]]:
        """Yield the files of both folders, of which neither has to be there."""
        for folder in (self.folder, self._about):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                yield from find_files(folder)

    def root_of(self, path: Path) -> Path:
        """Return the folder that a file is in."""
        return self.folder if path.is_relative_to(self.folder) else self._about

    def arrange(self, posts: Sequence[Post]) -> tuple[Sequence[Post], Sequence[Fault]]:
        """Make one page of the sections of the about page; leave out what the blog has itself."""
        own = [post for post in posts if self.root_of(post.path) == self.folder]
        pages = [post for post in own if post.id.lower() not in RESERVED]
        faults = [_describe_taken(post) for post in own if post.id.lower() in RESERVED]
        sections = [post for post in posts if self.root_of(post.path) != self.folder]
        if sections and not any(page.id == ABOUT for page in pages):
            pages.append(join_sections(sections))
        return pages, faults


def _describe_taken(page: Post) -> Fault:
    found = f"the address /{page.id}, which the blog has itself"
    mend = "rename the file, or write another slug"
    return Fault(page.path, page.line_of("slug"), found, "an address of its own", mend)


def join_sections(sections: Sequence[Post]) -> Post:
    """Return one page: the first section, and the others under their titles, by file name."""
    ordered = sorted(sections, key=lambda section: section.path)
    first, *more = [one for one in ordered if not one.draft] or ordered[:1]
    parts = [first.body, *(f"## {section.title}\n\n{section.body}" for section in more)]
    states = "".join(section.fingerprint for section in (first, *more))
    late = Fault(
        first.path,
        1,
        "an about page in a folder of its own, which a later version does not read",
        f"{ABOUT}.md among the pages",
        "put its texts there, each below a heading",
    )
    return replace(
        first,
        id=ABOUT,
        former_id="",
        body="\n\n".join(parts),
        menu=first.menu or 1,
        hints=(*first.hints, late),
        fingerprint=blake2b(states.encode(), digest_size=16).hexdigest() if more else states,
    )
