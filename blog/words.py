"""The words of the interface, from the message catalogue of the blog's language.

English is the source: a message is its own English text. `translations/de.po` has the German ones.
A site folder may have catalogues of its own, in `translations/`, and words in `viblog.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache, lru_cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import polib
from jinja2 import Environment
from markupsafe import Markup, escape

from blog.site_folder import find_site

ENGLISH = "en"
FOLDER = Path(__file__).parent / "translations"
# English as it stands in the code; `make words` writes it.
SOURCE = FOLDER / "messages.pot"
# Marks a message that is looked up elsewhere, for `make words`.
N_ = str

_ENGLISH_PLURALS = "nplurals=2; plural=(n != 1);"
_PLURALS = re.compile(r"nplurals *= *(\d+)")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")

# An author's own words: messages, each with a text, or with one for each plural form.
OwnWords = tuple[tuple[str, tuple[str, ...]], ...]


def list_languages() -> list[str]:
    """Return the languages that have a catalogue, and English, by their tags."""
    return sorted({ENGLISH, *(path.stem for folder in _folders() for path in folder.glob("*.po"))})


def find_catalogue(language: str) -> Path | None:
    """Return the catalogue for a language tag: `pt-BR` has that of `pt`. None where there is none.

    The site's comes before the engine's of the same name. English has the source.
    """
    parts = language.lower().split("-")
    for end in range(len(parts), 0, -1):
        tag = "-".join(parts[:end])
        for folder in _folders():
            for path in folder.glob("*.po"):
                if path.stem.lower() == tag:
                    return path
        if tag == ENGLISH:
            return SOURCE
    return None


def load_words(language: str, own: OwnWords = ()) -> GNUTranslations:
    """Return the words of a language; English ones where it has no catalogue. `own` come first.

    Raises `OSError` or `ValueError` for a catalogue that cannot be read.
    """
    return _load(find_catalogue(language) or SOURCE, own)


def install_words(environment: Environment, words: GNUTranslations) -> None:
    """Give templates `_("…")`, `ngettext("…", "…", count)` and `{% trans %}`.

    A message is a text, in which `%(name)s` is put; what a catalogue has of HTML is escaped. Each
    is looked up once: a page has a hundred of them.
    """

    @cache
    def escaped(message: str) -> Markup:
        return escape(words.gettext(message))

    @lru_cache(maxsize=4096)
    def counted(one: str, many: str, count: int) -> Markup:
        return escape(words.ngettext(one, many, count))

    @cache
    def written(message: str) -> Markup:
        return escaped(message) % {}

    @lru_cache(maxsize=4096)
    def written_number(one: str, many: str, count: int) -> Markup:
        return counted(one, many, count) % {"num": count}

    def gettext(message: str, **values: object) -> Markup:
        return escaped(message) % values if values else written(message)

    def ngettext(one: str, many: str, count: int, **values: object) -> Markup:
        if not values:
            return written_number(one, many, count)
        return counted(one, many, count) % {"num": count, **values}

    environment.add_extension("jinja2.ext.i18n")
    # Jinja's own way looks each message up whenever it is shown.
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # the extension's
    environment.globals |= {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def find_mistakes(language: str, own: OwnWords) -> Iterator[str]:
    """Yield a line for each mistake in the words of an author, and in a catalogue of theirs."""
    path = find_catalogue(language)
    is_own = path is not None and path.parent != FOLDER
    if not (own or is_own):
        return
    source = {entry.msgid: entry for entry in _read(SOURCE)}
    forms = 2
    if path is not None and is_own:
        try:
            catalogue = _read(path)
            _load(path, ())
        except (OSError, ValueError) as error:
            yield f"translations/{path.name}: {error}"
            return
        for entry in catalogue.translated_entries():
            for text in _texts_of(entry):
                yield from _check_text(f"translations/{path.name}", text, entry)
    if path is not None:
        forms = _count_forms(_read(path))
    for message, texts in own:
        where, entry = f"words, {message!r}", source.get(message)
        if entry is None:
            close = get_close_matches(message, source, 1)
            hint = f"do you mean {close[0]!r}?" if close else "docs/languages.md says where all are"
            yield f"{where}: the blog does not say this; {hint}"
            continue
        if len(texts) not in (1, forms if entry.msgid_plural else 1):
            expected = f"one text, or {forms}" if entry.msgid_plural else "one text"
            yield f"{where}: found {len(texts)} texts, expected {expected}"
        for text in texts:
            yield from _check_text(where, text, entry)


def write_catalogue(language: str) -> str:
    """Return the text of a new catalogue of a language: with its words, where there are some."""
    catalogue = _read(find_catalogue(language) or SOURCE)
    catalogue.metadata |= {"Language": language}
    return str(catalogue)


def _folders() -> list[Path]:
    site = find_site()
    return [FOLDER] if site is None else [site / "translations", FOLDER]


@lru_cache(maxsize=16)
def _load(path: Path, own: OwnWords) -> GNUTranslations:
    catalogue = _read(path)
    forms = _count_forms(catalogue)
    for message, texts in own:
        entry = catalogue.find(message)
        if entry is None:  # a catalogue of the author's may lack it
            entry = _read(SOURCE).find(message)
            catalogue.append(entry)
        if entry.msgid_plural:
            entry.msgstr_plural = dict(enumerate(texts if len(texts) > 1 else texts * forms))
        else:
            entry.msgstr = texts[0]
    return GNUTranslations(BytesIO(catalogue.to_binary()))


def _read(path: Path) -> polib.POFile:
    catalogue = polib.pofile(path.read_text(encoding="utf-8"))
    catalogue.metadata.setdefault("Plural-Forms", _ENGLISH_PLURALS)
    catalogue.metadata["Content-Type"] = "text/plain; charset=UTF-8"
    return catalogue


def _count_forms(catalogue: polib.POFile) -> int:
    found = _PLURALS.search(catalogue.metadata["Plural-Forms"])
    return int(found[1]) if found else 2


def _texts_of(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def _check_text(where: str, text: str, entry: polib.POEntry) -> Iterator[str]:
    """Yield a line for a text that would fail when it is shown."""
    names = dict.fromkeys(_PLACEHOLDER.findall(entry.msgid_plural or entry.msgid), "")
    try:
        text % names
    except (KeyError, TypeError, ValueError):
        known = ", ".join(f"%({name})s" for name in names) or "no placeholder"
        yield f"{where}: found {text!r}, expected {known} in it, and %% for a percent sign"
