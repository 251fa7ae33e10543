"""Which links of posts and pages lead nowhere: the application itself is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flask import Flask

from blog.posts import Fault, Index, Post
from blog.posts.addresses import POSTS_ROOT, settle_address
from blog.posts.finding import is_media
from blog.posts.links import Links, find_lines
from blog.posts.markup.markdown import find_folder

# Every page has these beside the anchors of its text.
PAGE_ANCHORS = frozenset({"", "top", "main", "live"})


@dataclass(frozen=True, slots=True)
class Texts:
    """The posts, or the pages. `root` is what their addresses begin with.

    `links` has what the HTML of each names, by its id; `folder` is where their files are.
    """

    index: Index
    links: Mapping[str, Links]
    folder: Path
    root: str = POSTS_ROOT

    def find_place_problem(self, fragment: str, text: Post) -> str:
        """Say that a text has no such place; empty if it has.

        Also empty if the text cannot be rendered, since its places are unknown then.
        """
        links = self.links.get(text.id)
        if links is None or (PAGE_ANCHORS | links.anchors) & {fragment, unquote(fragment)}:
            return ""
        return f"there is no such place in {text.path.name}"

    def find_target_problem(self, path: str, fragment: str, *, is_hidden: bool) -> str | None:
        """Say what is wrong with the address of a text, or of a file beside one; None for any other
        address. Hidden texts may name other hidden ones.
        """
        name = unquote(path.removeprefix(f"{self.root}/")).rstrip("/")
        if not path.startswith(f"{self.root}/") or not name:
            return None
        index = self.index
        if name in index.by_id:
            return self.find_place_problem(fragment, index.by_id[name])
        if name in index.hidden:
            if is_hidden:
                return self.find_place_problem(fragment, index.hidden[name])
            return f"that {'post' if self.root else 'page'} is hidden"
        owner_id, _, file_name = name.partition("/")
        owner = index.by_id.get(owner_id) or index.hidden.get(owner_id)
        if owner is not None and index.find_media(owner, file_name):
            return ""
        if aliased := index.find_alias(path):
            return self.find_place_problem(fragment, aliased)
        return None


class LinkCheck:
    """Looks each address up once: the links of posts and of pages."""

    def __init__(self, app: Flask, posts: Texts, own_pages: Texts, site_url: str = "") -> None:
        self._app = app
        self._posts = posts
        self._pages = own_pages
        self._site_url = site_url.rstrip("/")
        self._answers: dict[str, int] = {}

    def find_faults(self) -> Iterator[Fault]:
        """Yield a fault for each line with a link or an image that leads nowhere."""
        for texts in (self._posts, self._pages):
            for text in texts.index.all():
                if text.id in texts.links:
                    yield from self._find_faults_of(texts, text)

    def ask(self, path: str) -> str:
        """Say what is wrong with a path of the blog; empty for nothing."""
        return self._find_page_problem(path, "", "", is_hidden=False)

    def _find_faults_of(self, texts: Texts, text: Post) -> Iterator[Fault]:
        links = texts.links[text.id]
        for target, count in links.targets.items():
            if problem := self._find_problem(texts, text, target):
                what = "the image" if target in links.images else "the link"
                for line in find_lines(text, target, count):
                    yield _describe(text, line, f"{what} {target}", problem)
        if text.image and (problem := self._find_problem(texts, text, text.image)):
            yield _describe(text, text.line_of("image"), f"image: found {text.image}", problem)
        for alias in text.aliases:
            if texts.index.find_alias(alias) is text and self._ask(alias) == 200:
                line = text.line_of("aliases" if "aliases" in text.field_lines else "alias")
                found = f'aliases: found "{alias}", which is a page of the blog'
                yield Fault(text.path, line, found, "an address that nothing has", "remove it")

    def _find_problem(self, texts: Texts, text: Post, target: str) -> str:
        """Say what is wrong with a target; empty for nothing, and for other sites' addresses."""
        if self._site_url and target.startswith((f"{self._site_url}/", f"{self._site_url}#")):
            target = target.removeprefix(self._site_url)
        try:
            parts = urlsplit(target)
        except ValueError:
            return "it is no address"
        if parts.scheme or parts.netloc:
            return ""
        if not parts.path:
            return "" if parts.query else texts.find_place_problem(parts.fragment, text)
        path = unquote(parts.path)
        if not path.startswith("/") and is_media(path):
            found = texts.index.find_media(text, path)
            return (
                ""
                if found
                else f"there is no such file beside the {'post' if texts.root else 'page'}"
            )
        folder = find_folder(text, texts.folder)
        path = urlsplit(settle_address(target, text.id, texts.root, folder)).path
        is_hidden = text.id in texts.index.hidden
        return self._find_page_problem(path, parts.query, parts.fragment, is_hidden=is_hidden)

    def _find_page_problem(self, path: str, query: str, fragment: str, *, is_hidden: bool) -> str:
        """Say what is wrong with a page or a file."""
        for texts in (self._posts, self._pages):
            problem = texts.find_target_problem(path, fragment, is_hidden=is_hidden)
            if problem is not None:
                return problem
        status = self._ask(f"{path}?{query}" if query else path)
        if status >= 400:
            what = "file" if is_media(path) else "page"
            return f"there is no such {what}" if status == 404 else f"the blog answers {status}"
        return ""

    def _ask(self, path: str) -> int:
        """Return the status that a reader would get. No server: the views run here."""
        if path not in self._answers:
            base_url = self._site_url or self._host_url()
            with self._app.test_request_context(path, base_url=base_url):
                response = self._app.full_dispatch_request()
                self._answers[path] = response.status_code
                response.close()
        return self._answers[path]

    def _host_url(self) -> str:
        trusted = self._app.config.get("TRUSTED_HOSTS") or ["localhost"]
        return f"http://{trusted[0].lstrip('.')}"


def _describe(post: Post, line: int, found: str, problem: str) -> Fault:
    mend = "correct the address or remove it"
    return Fault(post.path, line, f"{found}: {problem}", "an address of this blog", mend)
