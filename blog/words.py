"""The words of the interface, from the message catalogue of the blog's language.

English is the source: a message is its own English text. `translations/de.po` has the German ones.
"""

from __future__ import annotations

from functools import lru_cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import polib
from jinja2 import Environment
from markupsafe import Markup, escape

ENGLISH = "en"
FOLDER = Path(__file__).parent / "translations"
# English as it stands in the code; `make words` writes it.
SOURCE = FOLDER / "messages.pot"
# Marks a message that is looked up elsewhere, for `make words`.
N_ = str

_ENGLISH_PLURALS = "nplurals=2; plural=(n != 1);"


def list_languages(folder: Path = FOLDER) -> list[str]:
    """Return the languages that have a catalogue, and English, by their tags."""
    return sorted([ENGLISH, *(path.stem for path in folder.glob("*.po"))])


def find_catalogue(language: str) -> Path | None:
    """Return the catalogue for a language tag: `pt-BR` has that of `pt`. None where there is none.

    English has the source.
    """
    parts = language.lower().split("-")
    if parts[0] == ENGLISH:
        return SOURCE
    known = {name.lower(): name for name in list_languages()}
    for end in range(len(parts), 0, -1):
        if name := known.get("-".join(parts[:end])):
            return FOLDER / f"{name}.po"
    return None


@lru_cache(maxsize=8)
def load_words(language: str) -> GNUTranslations:
    """Return the words of a language; English ones where it has no catalogue."""
    catalogue = polib.pofile((find_catalogue(language) or SOURCE).read_text(encoding="utf-8"))
    catalogue.metadata.setdefault("Plural-Forms", _ENGLISH_PLURALS)
    catalogue.metadata["Content-Type"] = "text/plain; charset=UTF-8"
    return GNUTranslations(BytesIO(catalogue.to_binary()))


def install_words(environment: Environment, words: GNUTranslations) -> None:
    """Give templates `_("…")`, `ngettext("…", "…", count)` and `{% trans %}`.

    A message is a text, in which `%(name)s` is put; what a catalogue has of HTML is escaped.
    """

    def gettext(message: str) -> Markup:
        return escape(words.gettext(message))

    def ngettext(one: str, many: str, count: int) -> Markup:
        return escape(words.ngettext(one, many, count))

    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension's
        gettext, ngettext, newstyle=True
    )
