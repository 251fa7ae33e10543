"""The message catalogues: complete, like the sources, and what the pages say."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.dates import format_date
from babel.messages.catalog import Message
from babel.messages.plurals import get_plural
from click import ClickException
from jinja2 import Environment

from blog.cli.settings_check import examine_language
from blog.command import begin_catalogue
from blog.config import Settings, SettingsError
from blog.factory import create_app
from blog.pages.format import count_posts, write_day
from blog.posts.markup.markdown import Style, render_markdown
from blog.words import (
    find_catalogue,
    install_words,
    list_languages,
    load_words,
    write_catalogue,
)
from tests.pages.site import open_site, write_post
from tests.setup import words

LANGUAGES = [name for name in list_languages() if name != "en"]
MEND = "run `make words`, and give what it says its text"


def forms_of(message: Message) -> list[str]:
    """Return every text that a message has in its language."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def placeholders(text: str) -> set[str]:
    """Return the names of a text's placeholders."""
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


def test_a_message_is_looked_up_once_however_often_it_is_shown():
    asked = []

    class Noting(GNUTranslations):
        def gettext(self, message: str) -> str:
            asked.append(message)
            return "Über %(x)s"

        def ngettext(self, one: str, many: str, count: int) -> str:
            asked.append(one)
            return "%(num)s × %(x)s"

    environment = Environment(autoescape=True)
    install_words(environment, Noting())
    template = environment.from_string(
        "{{ _('On %(x)s', x=x) }} {% trans %}On {{ x }}{% endtrans %}"
        " {{ ngettext('a', 'b', 2, x=x) }}"
    )
    for x, said in (("<", "&lt;"), (1, "1")):
        assert template.render(x=x) == f"Über {said} Über {said} 2 × {said}"
    assert asked == ["On %(x)s", "a"]


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
    html = render_markdown(post, Style(language="de", words=load_words("de"))).html
    pattern = r'aria-label="([^"]*)"|"admonition-title">([^<]*)<|title="([^"]*)"'
    found = {"".join(groups) for groups in re.findall(pattern, html)}
    assert found == {part for part in found if part in said}
    assert len(found) == 5


def test_an_authors_own_words_come_before_the_catalogues():
    own = (("Posts", ("Notizen",)), ("%(num)s post", ("%(num)s Notiz", "%(num)s Notizen")))
    words = load_words("de-AT", own)
    assert [words.gettext("Posts"), words.gettext("Tags")] == ["Notizen", "Schlagwörter"]
    assert [count_posts(words, number) for number in (1, 2)] == ["1 Notiz", "2 Notizen"]
    one_for_all = load_words("pl", (("%(num)s post", ("%(num)s ×",)),))
    assert [count_posts(one_for_all, number) for number in (1, 2, 5)] == ["1 ×", "2 ×", "5 ×"]
    assert load_words("en", (("Posts", ("Notes",)),)).gettext("Posts") == "Notes"


@pytest.mark.parametrize(
    ("message", "texts", "said"),
    [
        ("Postz", ["Notizen"], "words, 'Postz': the blog does not say this; do you mean 'Posts'?"),
        ("Posts", ["a", "b"], "words, 'Posts': found 2 texts, expected one text"),
        (
            "%(num)s post",
            ["a", "b", "c"],
            "words, '%(num)s post': found 3 texts, expected one text, or 2",
        ),
        (
            "Posts about %(tag)s",
            ["100 % %(tag)s"],
            "words, 'Posts about %(tag)s': found '100 % %(tag)s', expected %(tag)s in it, and %%"
            " for a percent sign",
        ),
        (
            "Posts",
            ["%(number)s Notizen"],
            "words, 'Posts': found '%(number)s Notizen', expected no placeholder in it, and %%"
            " for a percent sign",
        ),
    ],
)
def test_a_mistake_in_an_authors_words_is_one_line_that_says_which(message, texts, said):
    with pytest.raises(SettingsError) as error:
        Settings.from_environ({"BLOG_LANGUAGE": "de", "BLOG_WORDS": json.dumps({message: texts})})
    assert error.value.problems == [said]


def test_a_site_has_catalogues_and_words_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("viblog.toml").write_text('language = "nl"\n[words]\n"Tags" = "Onderwerpen"\n')
    [finding] = examine_language(Settings.from_process())
    assert str(finding) == (
        "warn  language: the blog has no words in nl (BLOG_LANGUAGE), its own are English; expected"
        " one of ar, de, en, es, fr, he, ja, pl, pt, ru, zh. Make a catalogue, translations/nl.po:"
        " docs/languages.md"
    )
    runner = create_app(Settings.from_process()).test_cli_runner()
    assert str(finding) in runner.invoke(args=["posts", "check"]).output.splitlines()
    path = begin_catalogue(tmp_path, "nl")
    text = path.read_text()
    assert '"Language: nl\\n"' in text
    path.write_text(text.replace('msgid "Posts"\nmsgstr ""', 'msgid "Posts"\nmsgstr "Berichten"'))
    settings = Settings.from_process()
    assert not list(examine_language(settings))
    words = load_words(settings.language, settings.words)
    said = [words.gettext(message) for message in ("Posts", "Tags", "Archive")]
    assert said == ["Berichten", "Onderwerpen", "Archive"]
    path.write_text(text + "\nnonsense 'x'\n")
    with pytest.raises(SettingsError, match=r"translations/nl\.po: Syntax error in po file"):
        Settings.from_process()
    assert find_catalogue("de") == words_of_engine("de")
    Path("translations/de.po").write_text(write_catalogue("de").replace("Beiträge", "Notizen"))
    assert load_words("de-CH").gettext("Posts") == "Notizen"
    with pytest.raises(ClickException, match=r"translations/nl\.po is there already"):
        begin_catalogue(tmp_path, "nl")
    with pytest.raises(ClickException, match=r"found '\.\./x'"):
        begin_catalogue(tmp_path, "../x")


def words_of_engine(language: str) -> Path:
    return words.FOLDER / f"{language}.po"
