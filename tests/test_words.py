"""The message catalogues: complete, like the sources, and what the pages say."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from babel.dates import format_date
from babel.messages.catalog import Message
from babel.messages.plurals import get_plural

from blog.pages.format import count_posts, write_day
from blog.posts.markup.markdown import Style, render_markdown
from blog.words import find_catalogue, list_languages, load_words
from tests.pages.site import open_site, write_post
from tests.setup import words

LANGUAGES = [name for name in list_languages() if name != "en"]
MEND = "run `make words`, and give what it says its text"


def forms_of(message: Message) -> list[str]:
    """Return every text that a message has in its language."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def placeholders(text: str) -> set[str]:
    """Return the names of what is put into a text."""
    return set(re.findall(r"%\((\w+)\)s", text))


def test_the_source_has_every_message_that_is_marked():
    assert words.SOURCE.read_bytes() == words.write(words.extract()), MEND


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_complete_and_fits_the_source(language):
    path = words.FOLDER / f"{language}.po"
    catalogue, source = words.read(path), words.read(words.SOURCE)
    assert {m.id for m in catalogue if m.id} == {m.id for m in source if m.id}, MEND
    assert path.read_bytes() == words.write(catalogue), MEND
    assert catalogue.num_plurals == get_plural(language.replace("-", "_")).num_plurals
    for message in catalogue:
        if not message.id:
            continue
        forms = forms_of(message)
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        assert len(forms) == (1 if len(ids) == 1 else catalogue.num_plurals), message.id
        assert all(forms), f"{path.name}: {message.id!r} has no text; {MEND}"
        assert not message.fuzzy, message.id
        for form in forms:
            # "one reader" may do without its number.
            missing = placeholders(ids[-1]) - placeholders(form)
            assert placeholders(form) <= placeholders(ids[-1]), message.id
            assert missing <= ({"num"} if len(ids) == 2 else set()), message.id
            assert form == form.strip() or message.id == ", ", message.id


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_a_date_is_written_as_unicodes_cldr_has_it(language):
    for month in range(1, 13):
        written = write_day(load_words(language), datetime(2026, month, 24, tzinfo=UTC))
        locale = "en_GB" if language == "en" else language
        assert written == format_date(date(2026, month, 24), "long", locale)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", {1: "1 post", 2: "2 posts"}),
        ("fr", {0: "0 article", 1: "1 article", 2: "2 articles"}),
        ("pl", {1: "1 wpis", 2: "2 wpisy", 5: "5 wpisów", 12: "12 wpisów", 22: "22 wpisy"}),
        ("ru", {1: "1 запись", 21: "21 запись", 22: "22 записи", 112: "112 записей"}),
        ("he", {1: "רשומה אחת", 2: "שתי רשומות", 3: "3 רשומות"}),
        (
            "ar",
            {
                0: "لا تدوينات",
                1: "تدوينة واحدة",
                2: "تدوينتان",
                3: "3 تدوينات",
                11: "11 تدوينة",
                100: "100 تدوينة",
            },
        ),
        ("ja", {1: "1件の記事", 2: "2件の記事"}),
    ],
)
def test_a_number_has_the_form_of_its_language(language, said):
    words = load_words(language)
    assert {count: count_posts(words, count) for count in said} == said


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("de", "de.po"),
        ("de-AT", "de.po"),
        ("DE-at", "de.po"),
        ("en-GB", "messages.pot"),
        ("xx", None),
        ("den", None),
    ],
)
def test_a_language_has_the_catalogue_of_its_own_name_or_of_a_part_of_it(tag, name):
    found = find_catalogue(tag)
    assert (found and found.name) == name


def test_a_text_of_a_catalogue_is_no_html():
    app = open_site(write_post("a"), language="en")
    template = app.jinja_env.from_string("{{ _('A <b> for %(x)s', x='<i>') }}")
    assert template.render() == "A &lt;b&gt; for &lt;i&gt;"


def test_pages_of_a_german_blog_speak_german():
    app = open_site(write_post("a", tags=("Mond",), body="w " * 690), language="de")
    client = app.test_client()
    index, post = client.get("/").text, client.get("/blog/a").text
    assert '<html lang="de">' in index
    for text in (">Beiträge</a>", ">Zum Text springen<", 'placeholder="Beiträge durchsuchen"'):
        assert text in index
    assert '<time datetime="2026-11-03">3. November 2026</time>' in post
    assert "3 Minuten Lesezeit" in post
    assert "<title>Beiträge zu Mond · Viblog</title>" in client.get("/tags/Mond").text
    assert "<h1>Hier ist niemand</h1>" in client.get("/nowhere").text
    assert "<h1>So nicht</h1>" in client.post("/").text


MARKDOWN = """## Eulen

| a |
|---|
| b |

> [!WARNING]
> Nachts.[^1]

$$x$$

[^1]: Immer.
"""


@pytest.mark.parametrize(
    ("language", "said"),
    [("", "Tabelle Link zu „Eulen“ Warnung Formel Zurück zu Fußnote 1 im Text"),
     ("nl", "Tabelle Link zu „Eulen“ Warnung Formel Zurück zu Fußnote 1 im Text"),
     ("fr", "Tableau Lien vers « Eulen » Avertissement Formule Retour à la note 1 dans le texte")],
)  # fmt: skip
def test_what_a_body_says_by_itself_is_in_the_language_of_the_post_else_of_the_blog(language, said):
    post = write_post("a", lang=language, body=MARKDOWN)
    html = render_markdown(post, Style(language="de")).html
    pattern = r'aria-label="([^"]*)"|"admonition-title">([^<]*)<|title="([^"]*)"'
    found = {"".join(groups) for groups in re.findall(pattern, html)}
    assert found == {part for part in found if part in said}
    assert len(found) == 5
