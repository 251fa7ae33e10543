"""The pictures and other files that a post shows: found, to be copied beside the post."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from blog.importing.body import cut_code
from blog.importing.site import Site
from blog.importing.source import Source
from blog.posts.finding import find_on_disk, is_media

_INLINE = re.compile(r"(\]\(\s*<?)([^)\s>]+)")
_DEFINED = re.compile(r"(^[ ]{0,3}\[[^\]]+\]:[ \t]*<?)([^\s>]+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"""(\b(?:src|href|poster)\s*=\s*["'])([^"']+)""")
# WordPress names its smaller copies so; often only the originals were kept.
_COPY = re.compile(r"-\d+x\d+(?=\.\w+$)")
# Where publishers keep the files that go to the root of the site.
_ROOTS = ("", "static", "assets", "content", "source", "public", "priv/static")


@dataclass(slots=True)
class MediaFinder:
    """Gathers the files of one post: `found` has each one's name beside the post."""

    site: Site
    source: Source
    found: dict[Path, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def rewrite(self, body: str) -> str:
        """Return the body with the new names of its files, outside of code."""
        pieces = []
        for is_code, piece in cut_code(body):
            text = piece
            for pattern in () if is_code else (_INLINE, _DEFINED, _ATTRIBUTE):
                text = pattern.sub(lambda m: m[1] + self.rename(m[2]), text)
            pieces.append(text)
        return "".join(pieces)

    def rename(self, address: str) -> str:
        """Return the new address of a file; what is no file of the site's stays as it is."""
        path = unquote(address.partition("#")[0].partition("?")[0])
        if "://" in address or address.startswith("//") or not is_media(path):
            return address
        file = self._find(path) or self._find(_COPY.sub("", path))
        if file is None:
            self.missing.append(address)
            return address
        if file not in self.found:
            taken = set(self.found.values())
            name, number = file.name.lstrip(".#"), 1
            while name in taken:
                number += 1
                name = f"{file.stem.lstrip('.#')}-{number}{file.suffix}"
            self.found[file] = name
        return quote(self.found[file])

    def _find(self, path: str) -> Path | None:
        places = [self.site.root / name for name in _ROOTS] + [self.site.posts]
        places += [base.folder for base in self.site.bases]
        if not path.startswith("/"):
            # Beside the post, or in a folder of its name, as Hexo has it.
            places[:0] = [self.source.path.parent, self.source.path.with_suffix("")]
        elif self.site.prefix.strip("/") and path.startswith(self.site.prefix):
            path = path.removeprefix(self.site.prefix)
        within = self.site.root.resolve()
        for place in places:
            # Resolved: neither `..` nor a link may lead out of the site.
            try:
                file = find_on_disk(place / path.lstrip("/")).resolve()
                if file.is_relative_to(within) and is_media(file.name) and file.is_file():
                    return file
            except (OSError, ValueError):  # a name that no file can have
                continue
        return None
