"""From a post's Markdown to the HTML of its body."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from gettext import GNUTranslations
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.extensions.toc import render_inner_html, slugify_unicode, strip_tags
from markdown.inlinepatterns import SubstituteTagInlineProcessor
from markdown.treeprocessors import Treeprocessor

from blog.posts.addresses import POSTS_ROOT, put_below, settle_address
from blog.posts.direction import is_right_to_left
from blog.posts.markup.attributes import AttributeStep
from blog.posts.markup.autolinks import register_autolinks
from blog.posts.markup.blocks import CellProcessor, Footnotes, HeadingProcessor
from blog.posts.markup.code_blocks import CodeFormatter
from blog.posts.markup.fences import FenceStep
from blog.posts.markup.formulas import Formulas, register_formulas
from blog.posts.markup.hints import Hints
from blog.posts.markup.html_blocks import register_html_blocks
from blog.posts.markup.html_tags import rewrite_addresses
from blog.posts.markup.images import ImagePlaces, ImageStep
from blog.posts.markup.inlines import register_inlines
from blog.posts.markup.list_blocks import register_lists
from blog.posts.markup.tasks import TaskStep
from blog.posts.markup.unread import UnreadStep, find_unread
from blog.posts.markup.videos import VideoStep
from blog.posts.model import Fault, Heading, Post, RenderedPost
from blog.words import ENGLISH, N_, find_catalogue, load_words

# Python-Markdown says at level debug which extensions it loads. Rendering runs in native threads,
# where logging's lock, once gevent has patched it, is better left alone.
logging.getLogger("MARKDOWN").disabled = True

HEADING = re.compile(r"h[1-6]")
ALIGNMENT = re.compile(r"text-align: (left|center|right);")
NOTE_ANCHOR = re.compile(r"#?fn(?:ref\d*)?:")
# Code runs from left to right, whatever is around it: in a feed reader, too.
CODE_TAG = re.compile(r"<(pre|code|kbd|samp)(?=[ >])(?![^>]* dir=)")
TITLE_MARKUP = re.compile(r"[`*]")

# What stands above an alert or an admonition whose author wrote no title.
ALERTS = (
    *(N_("Note"), N_("Tip"), N_("Important"), N_("Warning"), N_("Caution")),
    *(N_("Danger"), N_("Info"), N_("Hint"), N_("Attention"), N_("Error")),
)

# The page's own ids: a heading "Main" must not become a second id="main".
RESERVED_ANCHORS = frozenset({"live", "main"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What is the same for all texts of a folder.

    The other folders are where images are looked for; `frame_hosts` are the sites whose frames the
    security policy lets in, and `base_path` is what the whole blog is below. `root` is what the
    texts' addresses begin with. `language` is that of texts which name none, and `words` are what
    the blog says in it.
    """

    language: str = ENGLISH
    words: GNUTranslations = field(default_factory=lambda: load_words(ENGLISH))
    smart_quotes: bool = False
    root: str = POSTS_ROOT
    posts_dir: Path | None = None
    static_dir: Path | None = None
    frame_hosts: tuple[str, ...] = ()
    base_path: str = ""


DEFAULT_STYLE = Style()


def render_markdown(post: Post, style: Style = DEFAULT_STYLE) -> RenderedPost:
    """Render a post's body: no title, headings from h2 on and never skipping a level.

    Raw HTML passes through: posts are the author's own. Every call has its own `Markdown`, which
    keeps state while it works, so calls may run in threads side by side.
    """
    as_written = render_with_hints(post, style)[0]
    folder = find_folder(post, style.posts_dir)
    settle = partial(settle_address, post_id=post.id, root=style.root, folder=folder)

    def rewrite(address: str) -> str:
        return put_below(style.base_path, settle(address))

    return replace(as_written, html=rewrite_addresses(as_written.html, rewrite))


def find_folder(post: Post, posts_dir: Path | None) -> str:
    """Return the folder of a post's file, relative to the posts folder; empty for that folder
    itself.
    """
    parent = post.path.parent
    is_inside = posts_dir is not None and parent.is_relative_to(posts_dir)
    return parent.relative_to(posts_dir).as_posix() if posts_dir and is_inside else ""


def render_with_hints(
    post: Post, style: Style = DEFAULT_STYLE
) -> tuple[RenderedPost, tuple[Fault, ...]]:
    """Render a post's body, with hints on what is not shown as its author meant it.

    Addresses stay as written, so that they can be found again in the body.
    """
    hints = Hints(post)
    own = find_catalogue(post.lang)
    is_other = own is not None and own != find_catalogue(style.language)
    words = load_words(post.lang) if is_other else style.words
    back = words.gettext("Jump back to footnote %(number)s in the text") % {"number": "{}"}
    md = Markdown(
        extensions=[
            "fenced_code",
            "codehilite",
            "tables",
            Footnotes(BACKLINK_TITLE=back),
            "toc",
            "admonition",
            "def_list",
            "attr_list",
            "md_in_html",
            "pymdownx.quotes",
            "pymdownx.tilde",
            *(["smarty"] if style.smart_quotes else []),
            PageExtension(post, style, hints, words),
        ],
        extension_configs={
            "codehilite": {
                "guess_lang": False,
                "noclasses": False,
                "pygments_formatter": CodeFormatter,
            },
            "toc": {"slugify": _write_anchor},
            # Alerts, as on GitHub; they come out as admonitions.
            "pymdownx.quotes": {"callouts": True},
            "pymdownx.tilde": {"subscript": False},
        },
        output_format="html",
    )
    rendered = md.convert(post.body)
    if is_right_to_left(post.lang or style.language):
        rendered = CODE_TAG.sub(r'<\1 dir="ltr"', rendered)
    find_unread(post.body, rendered, style.frame_hosts, hints)
    # The stubs do not know what an extension adds.
    outline: list[dict[str, Any]] = getattr(md, "toc_tokens", [])
    headings = tuple(_list_headings(outline))
    return RenderedPost(rendered, headings, hints.failure), hints.list_all()


def _write_anchor(text: str, separator: str) -> str:
    anchor = slugify_unicode(text, separator)
    return f"{anchor}{separator}section" if anchor in RESERVED_ANCHORS else anchor


def _list_headings(outline: Iterable[dict[str, Any]]) -> Iterator[Heading]:
    for entry in outline:
        yield Heading(entry["level"], entry["id"], html.unescape(entry["name"]))
        yield from _list_headings(entry["children"])


class PageExtension(Extension):
    """Fits a body into its page."""

    def __init__(self, post: Post, style: Style, hints: Hints, words: GNUTranslations) -> None:
        super().__init__()
        self.words = words
        self.post = post
        self.places = ImagePlaces(post.path.parent, style.posts_dir, style.static_dir)
        self.frame_hosts = style.frame_hosts
        self.hints = hints

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Python-Markdown's name
        """Put the steps around that of toc, which has priority 5 and gives the anchors."""
        register_inlines(md)
        register_autolinks(md)
        blocks = md.parser.blockprocessors
        blocks.register(HeadingProcessor(md.parser), "hashheader", 70)
        blocks.register(CellProcessor(md.parser, {"use_align_attribute": False}), "table", 75)
        formulas = Formulas(self.hints, self.words.gettext("Formula"))
        register_formulas(md, formulas)
        md.preprocessors.register(FenceStep(md, formulas), "fenced_code_block", 25)
        register_html_blocks(md)
        register_lists(md)
        md.preprocessors.register(UnreadStep(md, self.hints), "page_unread", 16)
        # After escapes (180), so that a backslash that is escaped breaks no line.
        md.inlinePatterns.register(SubstituteTagInlineProcessor(r"\\\n", "br"), "line_break", 179)
        md.treeprocessors.register(AttributeStep(md), "attr_list", 8)
        md.treeprocessors.register(TaskStep(md, self.hints), "page_tasks", 25)
        md.treeprocessors.register(ImageStep(md, self.places, self.hints), "page_images", 7)
        videos = VideoStep(md, self.frame_hosts, self.hints)
        md.treeprocessors.register(videos, "page_videos", 7)
        outline = OutlineStep(md)
        outline.post = self.post
        md.treeprocessors.register(outline, "page_outline", 7)
        md.treeprocessors.register(TableStep(md, self.hints, self.words), "page_tables", 6)
        md.treeprocessors.register(AlertStep(md, self.words), "page_alerts", 6)
        md.treeprocessors.register(NoteStep(md, self.hints), "page_notes", 6)
        md.treeprocessors.register(PermalinkStep(md, self.words), "page_permalinks", 4)


class OutlineStep(Treeprocessor):
    """Drops the title and sets the headings' levels; the only h1 of a page is its title."""

    post: Post

    def run(self, root: Element) -> None:
        self._drop_title(root)
        above: list[int] = []
        for heading in list(_headings(root)):
            written = int(heading.tag[1])
            while above and above[-1] >= written:
                above.pop()
            above.append(written)
            heading.tag = f"h{min(1 + len(above), 6)}"

    def _drop_title(self, root: Element) -> None:
        first = next((child for child in root if HEADING.fullmatch(str(child.tag))), None)
        if first is None:
            return
        text = html.unescape(strip_tags(render_inner_html(first, self.md)))
        if self.post.titled_by_heading or _fold(text) == _fold(self.post.title):
            root.remove(first)


class TableStep(Treeprocessor):
    """Makes tables scroll on their own, and aligns cells by class: the CSP forbids styles."""

    def __init__(self, md: Markdown, hints: Hints, words: GNUTranslations) -> None:
        super().__init__(md)
        self._hints = hints
        self._words = words

    def run(self, root: Element) -> None:
        count = 0
        for parent in list(root.iter()):
            for place, table in enumerate(parent):
                if table.tag != "table":
                    continue
                count += 1
                with self._hints.guard(table):
                    parent[place] = self._write_region(table, count)

    def _write_region(self, table: Element, number: int) -> Element:
        for cell in table.iter():
            aligned = ALIGNMENT.fullmatch(cell.get("style") or "")
            if aligned:
                del cell.attrib["style"]
                cell.set("class", f"{cell.get('class') or ''} align-{aligned[1]}".strip())
        region = Element("div")
        region.attrib |= {"class": "table-scroll", "tabindex": "0", "role": "region"}
        # Landmarks of one kind need names of their own.
        name = self._words.gettext("Table %(number)s") % {"number": number}
        region.set("aria-label", self._words.gettext("Table") if number == 1 else name)
        region.tail, table.tail = table.tail, None
        region.append(table)
        return region


class NoteStep(Treeprocessor):
    """Takes the spaces out of footnotes' ids (`[^my note]`): no id may have one."""

    def __init__(self, md: Markdown, hints: Hints) -> None:
        super().__init__(md)
        self._hints = hints

    def run(self, root: Element) -> None:
        with self._hints.guard(root):
            for element in root.iter():
                for name in ("id", "href"):
                    value = element.get(name) or ""
                    if " " in value and NOTE_ANCHOR.match(value):
                        element.set(name, value.replace(" ", "-"))


class AlertStep(Treeprocessor):
    """Gives an alert without a title the name of its kind, in the language of the text."""

    def __init__(self, md: Markdown, words: GNUTranslations) -> None:
        super().__init__(md)
        self._words = words

    def run(self, root: Element) -> None:
        for title in root.iterfind(".//p[@class='admonition-title']"):
            if title.text in ALERTS:
                title.text = self._words.gettext(title.text)


class PermalinkStep(Treeprocessor):
    """Ends every heading with a link to itself, which has a name for screen readers."""

    def __init__(self, md: Markdown, words: GNUTranslations) -> None:
        super().__init__(md)
        self._words = words

    def run(self, root: Element) -> None:
        outline: list[dict[str, Any]] = getattr(self.md, "toc_tokens", [])
        names = {heading.anchor: heading.text for heading in _list_headings(outline)}
        for heading in list(_headings(root)):
            anchor = heading.get("id", "")
            link = Element("a", {"class": "permalink", "href": f"#{anchor}"})
            named = {"heading": names.get(anchor, anchor)}
            link.set("aria-label", self._words.gettext("Link to “%(heading)s”") % named)
            link.text = "#"
            heading.append(link)


def _headings(root: Element) -> Iterator[Element]:
    return (el for el in root.iter() if isinstance(el.tag, str) and HEADING.fullmatch(el.tag))


def _fold(title: str) -> str:
    return " ".join(TITLE_MARKUP.sub("", title).casefold().split())


def render_safely(post: Post, style: Style) -> RenderedPost:
    """Render a post's body; where that fails, return its source with a fault."""
    try:
        return render_markdown(post, style)
    except Exception as error:  # noqa: BLE001 - whatever an extension raises is this post's fault
        source = f'<pre tabindex="0"><code>{html.escape(post.body.strip())}</code></pre>'
        return RenderedPost(source, fault=describe_crash(post, error))


def describe_crash(post: Post, error: Exception) -> Fault:
    """Make the fault of a post whose body cannot be rendered."""
    found = f"the body cannot be rendered ({type(error).__name__}: {error})"
    mend = "take parts of it out until it can"
    return Fault(post.path, post.body_line, found, "Markdown", mend)
