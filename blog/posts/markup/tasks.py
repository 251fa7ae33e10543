"""Task lists: `- [x] done` and `- [ ] to do`, as checkboxes that a reader cannot change."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.treeprocessors import Treeprocessor

from blog.posts.markup.hints import Hints

_BOX = re.compile(r"[ \n]*\[([ xX])\][ \n]+")


class TaskStep(Treeprocessor):
    """Puts a checkbox before an item, and the item's own line into its label.

    Runs before the inline step, so that the line is still one text. pymdownx.tasklist leaves its
    boxes without a name.
    """

    def __init__(self, md: Markdown, hints: Hints) -> None:
        super().__init__(md)
        self._hints = hints

    def run(self, root: Element) -> None:
        for items in root.iter():
            if items.tag not in ("ul", "ol"):
                continue
            with self._hints.guard(items):
                tasks = [item for item in items if item.tag == "li" and _write_task(item)]
                for task in tasks:
                    task.set("class", "task")
                if tasks:
                    items.set("class", "tasks")


def _write_task(item: Element) -> bool:
    holder = item
    if not (item.text or "").strip() and len(item) and item[0].tag == "p":
        holder = item[0]  # there are blank lines between the items
    box = _BOX.match(holder.text or "")
    if box is None:
        return False
    label = Element("label")
    checkbox = Element("input", {"type": "checkbox", "disabled": "disabled"})
    if box[1] != " ":
        checkbox.set("checked", "checked")
    checkbox.tail = " " + (holder.text or "")[box.end() :]
    label.append(checkbox)
    holder.text = None
    holder.insert(0, label)
    return True
