"""Reads the lists that `lists` has arranged; the items of tight ones have no paragraphs."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

from blog.posts.markup.lists import Lists, ListStep, write_number

_LEFT = re.compile(write_number(r"\d+"))
_ITEM = re.compile(
    rf" {{0,3}}(?P<mark>[*+-]|\d{{1,9}}[.)]){write_number(r'(?P<list>[0-9]+)')} ?(?P<text>.*)"
)
_INSIDE = "    "
_NUMBER = "\x02list"  # the name of an attribute that no author can write


class ListProcessor(BlockProcessor):
    """Reads a list whole: its items, and all that is indented below them.

    Python-Markdown reads a block of lines at a time, and looks where in the tree it belongs.
    """

    def test(self, parent: Element, block: str) -> bool:
        """Tell whether an item begins here."""
        return _ITEM.match(block) is not None

    def run(self, parent: Element, blocks: list[str]) -> bool:
        """Add the list, or go on with it where a definition holds its parts one by one."""
        first = _ITEM.match(blocks[0])
        if first is None:
            return False
        items = self.lastChild(parent)
        if items is None or items.get(_NUMBER) != first["list"]:
            items = SubElement(parent, "ul" if first["mark"] in "*+-" else "ol")
            items.set(_NUMBER, first["list"])
            if items.tag == "ol" and int(first["mark"][:-1]) != 1:
                items.set("start", str(int(first["mark"][:-1])))
        for content in self._take_items(blocks, first["list"]):
            item = SubElement(items, "li")
            # The content of an item has lost its indentation already: no later step may remove it
            # again.
            self.parser.state.set("detabbed")
            self.parser.parseBlocks(item, content)
            self.parser.state.reset()
        return True

    def _take_items(self, blocks: list[str], number: str) -> list[list[str]]:
        """Take the blocks of a list; return for each item those that stand in it."""
        contents: list[list[str]] = []
        while blocks:
            begin = blocks[0].lstrip("\n")
            item = _ITEM.match(begin)
            if begin[:4] != _INSIDE and begin and not (item and item["list"] == number):
                break
            lines: list[str] = []
            for line in blocks.pop(0).split("\n"):
                item = _ITEM.match(line)
                if item and item["list"] == number:
                    if lines:
                        contents[-1].append("\n".join(lines))
                    contents.append([])
                    lines = [item["text"]]
                else:
                    lines.append(line.removeprefix(_INSIDE))
            contents[-1].append("\n".join(lines))
        while not contents[-1][-1] and len(contents[-1]) > 1:
            contents[-1].pop()
        return contents


class TightStep(Treeprocessor):
    """Takes the paragraphs out of the items of tight lists. Runs before the inline step (20)."""

    def __init__(self, md: Markdown, lists: Lists) -> None:
        super().__init__(md)
        self._lists = lists

    def run(self, root: Element) -> None:
        """Change every list, and every text that was taken for an item and is none."""
        for element in root.iter():
            number = element.attrib.pop(_NUMBER, None)
            if number and int(number) not in self._lists.loose:
                for item in element:
                    _tighten(item)
            if element.text and "\x02item:" in element.text:
                element.text = type(element.text)(_LEFT.sub("", element.text))
            if element.tail and "\x02item:" in element.tail:
                element.tail = _LEFT.sub("", element.tail)


def _tighten(item: Element) -> None:
    kept: list[Element] = []
    for block in item:
        above = kept[-1].tail if kept else item.text
        is_plain = block.tag == "p" and not block.attrib and not len(block)
        # Of two paragraphs one stays, and so does the placeholder of a block of HTML.
        if not is_plain or (above or "").strip() or HTML_PLACEHOLDER_RE.fullmatch(block.text or ""):
            kept.append(block)
        elif kept:
            kept[-1].tail = block.text
        else:
            item.text = block.text
    item[:] = kept


def register_lists(md: Markdown) -> None:
    """Have lists read in place of Python-Markdown's own steps, and of sane_lists."""
    lists = Lists()
    md.preprocessors.register(ListStep(md, lists), "page_lists", 15)
    blocks = md.parser.blockprocessors
    for name in ("indent", "ulist"):
        blocks.deregister(name)
    blocks.register(ListProcessor(md.parser), "olist", 40)
    md.treeprocessors.register(TightStep(md, lists), "page_lists", 26)
