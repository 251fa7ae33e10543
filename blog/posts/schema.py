"""Every field of the front matter: its name, its form and its meaning.

The table in `docs/writing.md` is made from this, and the readers of the four formats ask it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. `also` are its other names; a switch is true or false, all else is kept as text:
    `title: 1.10` is not 1.1, `lang: no` is not false, and a date that is none is shown as it is.
    """

    name: str
    form: str
    meaning: str
    also: tuple[str, ...] = ()
    is_switch: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that is read as this field."""
        return (self.name, *self.also)


FIELDS = (
    FieldSpec(
        "title",
        "a text",
        "The heading of the page, and its name in lists, feeds and search engines. Without it, the"
        " text's first heading.",
    ),
    FieldSpec(
        "description",
        "a text",
        "One sentence: under the title in lists, and for search engines. Without it, the first"
        " paragraph.",
    ),
    FieldSpec(
        "date",
        "a date, with or without a time",
        "When it is published; until then it is hidden. Without it, the date in the file's name;"
        " a post without any date comes last.",
    ),
    FieldSpec(
        "updated", "a date", "The last change that matters to a reader; shown beside the date."
    ),
    FieldSpec(
        "expires", "a date, later than `date`", "When it is hidden again, at its address too."
    ),
    FieldSpec(
        "draft",
        "`true` or `false`",
        "`true` while it is not ready: hidden everywhere. `published: false` says the same.",
        also=("published",),
        is_switch=True,
    ),
    FieldSpec(
        "authors",
        "a name, or a list of names",
        "Who wrote it; `author` is the same.",
        also=("author",),
    ),
    FieldSpec(
        "tags",
        "a list of texts, or one text with commas",
        "What it is about; each tag gets a page of its own, and two that differ only by case are"
        " one. Without tags, `categories` are taken.",
        also=("tag", "categories", "category"),
    ),
    FieldSpec(
        "series",
        "a text",
        "The name of the series it is a part of; all posts of one name are its parts, by date.",
    ),
    FieldSpec(
        "slug",
        "letters and digits of any script, `-`, `.`, `_`, `~`",
        "The last part of the address, where it should differ from the file's name.",
    ),
    FieldSpec(
        "aliases",
        "a list of addresses such as `/2019/old-name/`",
        "Its old addresses: who asks for one is sent to the new one for good.",
        also=("alias",),
    ),
    FieldSpec(
        "canonical",
        "an `https://` address",
        "Where it was published first; search engines are told so.",
    ),
    FieldSpec(
        "image",
        "a file beside the post, `/static/…`, or an `https://` address",
        "The picture that other sites show with a link to the post. Without it, a card is drawn."
        " One of your own opens the post, too, where the text does not show it, and stands by the"
        " post in lists.",
    ),
    FieldSpec(
        "image_alt", "a text", "What `image` shows, for those who cannot see it. Best one sentence."
    ),
    FieldSpec("image_caption", "a text", "What stands below `image` where it opens the post."),
    FieldSpec(
        "lang",
        "a language tag such as `de` or `pt-BR`",
        "The language of the post, where it is not the site's; its script says in which direction"
        " the post runs.",
    ),
    FieldSpec(
        "presence",
        "`true` or `false`",
        "`false`: nobody is counted on this page, and it shows no numbers.",
        is_switch=True,
    ),
    FieldSpec(
        "menu",
        "a whole number",
        "Of a page: it is in the menu, those with smaller numbers before it. Posts are in no menu.",
    ),
)

TEXT_NAMES = frozenset(name for spec in FIELDS if not spec.is_switch for name in spec.names)
NAMES = frozenset(name for spec in FIELDS for name in spec.names)


def describe_fields() -> Iterable[tuple[str, str, str]]:
    """Yield name, form and meaning of every field, as Markdown."""
    for spec in FIELDS:
        yield f"`{spec.name}`", spec.form, spec.meaning
