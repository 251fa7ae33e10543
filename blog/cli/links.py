"""Which links of the posts lead nowhere: the application itself is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urljoin, urlsplit

from flask import Flask

from blog.posts import Fault, Index, Post
from blog.posts.addresses import post_path
from blog.posts.finding import is_media
from blog.posts.links import Links, find_lines

# Every page has these beside the anchors of its text.
PAGE_ANCHORS = frozenset({"", "top", "main", "live"})


class LinkCheck:
    """Looks each address up once. `links` has what each post's page names, by the post's id."""

    def __init__(
        self, app: Flask, index: Index, links: Mapping[str, Links], site_url: str = ""
    ) -> None:
        self._app = app
        self._index = index
        self._links = links
        self._site_url = site_url.rstrip("/")
        self._answers: dict[str, int] = {}

    def find_faults(self, post: Post) -> Iterator[Fault]:
        """Yield a fault for each line with a link or an image that leads nowhere."""
        links = self._links[post.id]
        for target, count in links.targets.items():
            if problem := self._find_problem(post, target):
                what = "the image" if target in links.images else "the link"
                for line in find_lines(post, target, count):
                    yield _describe(post, line, f"{what} {target}", problem)
        if post.image and (problem := self._find_problem(post, post.image)):
            yield _describe(post, post.line_of("image"), f"image: found {post.image}", problem)
        for alias in post.aliases:
            if self._index.find_alias(alias) is post and self._ask(alias) == 200:
                line = post.line_of("aliases" if "aliases" in post.field_lines else "alias")
                found = f'aliases: found "{alias}", which is a page of the blog'
                yield Fault(post.path, line, found, "an address that nothing has", "remove it")

    def _find_problem(self, post: Post, target: str) -> str:
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
            return "" if parts.query else self._find_anchor_problem(post, parts.fragment)
        path = unquote(parts.path)
        if not path.startswith("/") and is_media(path):
            found = self._index.find_media(post, path)
            return "" if found else "there is no such file beside the post"
        return self._find_page_problem(
            post, urljoin(post_path(post.id), parts.path), parts.query, parts.fragment
        )

    def _find_page_problem(self, post: Post, path: str, query: str, fragment: str) -> str:
        name = unquote(path.removeprefix("/blog/")).rstrip("/") if path.startswith("/blog/") else ""
        if name in self._index.by_id:
            return self._find_anchor_problem(self._index.by_id[name], fragment)
        if name in self._index.hidden:
            if post.id in self._index.hidden:
                return self._find_anchor_problem(self._index.hidden[name], fragment)
            return "that post is hidden"
        owner_id, _, file_name = name.partition("/")
        owner = self._index.by_id.get(owner_id) or self._index.hidden.get(owner_id)
        if owner is not None and self._index.find_media(owner, file_name):
            return ""
        if self._index.find_alias(path):
            return ""
        status = self._ask(f"{path}?{query}" if query else path)
        if status >= 400:
            what = "file" if is_media(path) else "page"
            return f"there is no such {what}" if status == 404 else f"the blog answers {status}"
        return ""

    def _find_anchor_problem(self, post: Post, fragment: str) -> str:
        links = self._links.get(post.id)
        anchors = links.anchors if links is not None else None
        if anchors is None or fragment in PAGE_ANCHORS or {fragment, unquote(fragment)} & anchors:
            return ""
        return f"there is no such place in {post.path.name}"

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
