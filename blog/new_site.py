"""What `viblog new` writes: the files of `starter/`, in the language of the blog."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from blog.words import load_words

FOLDER = Path(__file__).parent / "starter"


def write_site(folder: Path, title: str, language: str) -> Iterator[Path]:
    """Write a site folder; yield the path of each file."""
    texts = Environment(  # noqa: S701 - Markdown and TOML, of the deployer's own words
        loader=FileSystemLoader(FOLDER),
        extensions=["jinja2.ext.i18n"],
        keep_trailing_newline=True,
    )
    texts.filters["json"] = lambda text: json.dumps(text, ensure_ascii=False)
    words = load_words(language)
    texts.install_gettext_callables(  # type: ignore[attr-defined]  # the extension's
        words.gettext, words.ngettext, newstyle=True
    )
    today = datetime.now(UTC).date().isoformat()
    for name in texts.list_templates(extensions=["md", "toml"]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = texts.get_template(name).render(title=title, language=language, today=today)
        path.write_text(text, encoding="utf-8")
        yield path
