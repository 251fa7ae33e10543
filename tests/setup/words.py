"""Keep the message catalogues like the sources: `make words`.

`blog/translations/messages.pot` gets every message that a template or a Python file marks, and each
catalogue what is new; what is marked no more goes.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "blog" / "translations"
SOURCE = FOLDER / "messages.pot"
# What a header has that git knows better.
UNUSED = tuple(
    f'"{name}'.encode()
    for name in ("POT-", "PO-Rev", "Project", "Report", "Last-", "Language-Team", "Generated")
)
FILES = [("blog/**.py", "python"), ("templates/**.html", "jinja2"), ("blog/starter/**.*", "jinja2")]


def extract() -> Catalog:
    """Return a catalogue of every message that is marked, without a text for any."""
    found = Catalog()
    for name, _, message, comments, context in extract_from_dir(
        ROOT, FILES, comment_tags=("Words:",), strip_comment_tags=True
    ):
        found.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    return found


def read(path: Path) -> Catalog:
    """Read a catalogue, whose file is named by its language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem if path.suffix == ".po" else None)


def write(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file: sorted, so that two changes seldom meet; no dates in it."""
    catalogue.header_comment = "# Words of the blog; `make words` keeps the list of messages."
    catalogue.fuzzy = False
    text = BytesIO()
    write_po(
        text,
        catalogue,
        width=0,
        sort_output=True,
        ignore_obsolete=True,
        # `git grep` says where a message stands; here, each move would be a change.
        no_location=True,
        omit_header=catalogue.locale is None,
    )
    lines = text.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(UNUSED))


def main() -> None:
    """Write the source, and every catalogue anew."""
    source = extract()
    SOURCE.write_bytes(write(source))
    for path in sorted(FOLDER.glob("*.po")):
        catalogue = read(path)
        catalogue.update(source, no_fuzzy_matching=True)
        path.write_bytes(write(catalogue))
        missing = [message.id for message in catalogue if message.id and not message.string]
        if missing:
            sys.stdout.write(f"{path.name}: {len(missing)} messages have no text yet\n")


if __name__ == "__main__":
    main()
