"""For which words a page keeps room."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from blog.live.count import Count, find_widest
from blog.live.templates import LiveTemplates
from blog.pages.theme import make_loader
from blog.words import load_words


@pytest.mark.parametrize(
    ("language", "counts_readers", "widest"),
    [
        ("en", False, "5 reading, 12 tabs"),
        ("en", True, "just you reading"),
        ("de", True, "sonst liest niemand"),
        ("ru", False, "1 читает, 12 вкладок"),
        ("pl", True, "nikt inny nie czyta"),
        ("ja", False, "5人が読書中, タブ12個"),
    ],
)
def test_the_widest_words_come_first(language, counts_readers, widest):
    words = LiveTemplates(make_loader(None), load_words(language)).words
    lines = find_widest(words.reading, counts_readers=counts_readers).split("\n")
    assert lines[0] == widest


def test_an_authors_own_words_may_have_markup():
    def say(count: Count) -> Markup:
        return Markup("<b>{}</b> &amp; more").format(count.tabs)

    assert find_widest(say, counts_readers=True).split("\n")[0] == "25 & more"
