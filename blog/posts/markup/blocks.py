"""Headings, tables and footnotes, as readers of GitHub know them."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.blockprocessors import HashHeaderProcessor
from markdown.extensions.footnotes import NBSP_PLACEHOLDER, FootnoteExtension
from markdown.extensions.tables import TableProcessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER

_CLOSING_SIGNS = re.compile(r"(?:^|(?<= ))#+$")
_CODE = re.compile(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_AFTER_TABLE = re.compile(r"\n(?= {0,3}(?:>|#{1,6} |([*_-])(?: *\1){2,} *(?:\n|$)))")
_CODE_BLOCK = re.compile(rf"({HTML_PLACEHOLDER % '[0-9]+'}){NBSP_PLACEHOLDER}")


class HeadingProcessor(HashHeaderProcessor):
    """Reads headings. A space must follow the signs, so `#hashtag` is text; `# C#` keeps its
    last sign.
    """

    RE = re.compile(r"(?:^|\n)(?P<level>#{1,6})(?P<header>(?: [^\n]*)?)(?:\n|$)")

    def run(self, parent: Element, blocks: list[str]) -> None:
        """Add a heading, without the signs that may close it."""
        super().run(parent, blocks)
        heading = parent[-1]
        heading.text = _CLOSING_SIGNS.sub("", heading.text or "").rstrip()


class CellProcessor(TableProcessor):
    r"""Reads tables as GitHub does: code in them has no other way to write a bar than `\|`, and a
    quote, a heading or a rule ends them.
    """

    def test(self, parent: Element, block: str) -> bool:
        """Tell whether a table begins here, by its first two lines."""
        return bool(super().test(parent, "\n".join(block.split("\n", 2)[:2])))

    def run(self, parent: Element, blocks: list[str]) -> None:
        """Add a table, and leave what ends it."""
        ends = _AFTER_TABLE.search(blocks[0])
        if ends:
            blocks[:1] = [blocks[0][: ends.start()], blocks[0][ends.start() + 1 :]]
        super().run(parent, blocks)

    def _split(self, row: str) -> list[str]:
        cells: list[str] = super()._split(row)  # type: ignore[misc] # the stubs lack it
        if "\\|" not in row:
            return cells
        return [_CODE.sub(lambda code: code[0].replace("\\|", "|"), cell) for cell in cells]


class Footnotes(FootnoteExtension):
    """Keeps the first of two notes with one name, and orders them by `NoteOrderStep`."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Python-Markdown's name
        """Register the steps."""
        super().extendMarkdown(md)
        md.treeprocessors.register(NoteOrderStep(md, self), "footnote_order", 19)

    def setFootnote(self, id: str, text: str) -> None:  # noqa: N802 - as above
        """Keep a note's text."""
        self.footnotes.setdefault(id, text)


class NoteOrderStep(Treeprocessor):
    """Numbers notes in the order of their references, and drops notes without one, whose link back
    would lead nowhere. The order in which Python-Markdown finds references is not that of the text:
    lists and tables come last.
    """

    def __init__(self, md: Markdown, footnotes: Footnotes) -> None:
        super().__init__(md)
        self._footnotes = footnotes

    def run(self, root: Element) -> None:
        """Number the references, and put the notes in their order."""
        if not self._footnotes.footnotes:
            return
        numbers: dict[str, int] = {}
        for link in root.iter("a"):
            if link.get("class") == "footnote-ref":
                link.text = str(numbers.setdefault(link.get("href", "")[1:], len(numbers) + 1))
        for parent in list(root.iter()):
            for notes in [div for div in parent if div.get("class") == "footnote"]:
                _order(notes, numbers, self._footnotes.getConfig("BACKLINK_TITLE"))
                if not numbers:
                    parent.remove(notes)


def _order(notes: Element, numbers: dict[str, int], title: str) -> None:
    for items in notes.findall("ol"):
        used = [note for note in items if note.get("id") in numbers]
        used.sort(key=lambda note: numbers[note.get("id", "")])
        items[:] = used
        for note in used:
            _part_from_code(note)
            for link in note.iterfind('.//a[@class="footnote-backref"]'):
                link.set("title", title.format(numbers[note.get("id", "")]))


def _part_from_code(note: Element) -> None:
    """Move the link back out of the placeholder of a code block: the block cannot stand in a
    paragraph.
    """
    last = note[-1]
    code = _CODE_BLOCK.fullmatch(last.text or "")
    if code and last.tag == "p":
        block = Element("p")
        block.text, last.text = code[1], ""
        note.insert(len(note) - 1, block)
