"""Turns what somebody typed into terms for FTS5. Nothing of it can act as FTS5's syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Beyond, nobody asks a question; each term costs a walk through the index.
MAX_TERMS = 12
MAX_TERM_CHARS = 60
# What is read at all of a query. It also stands in the answer's address.
MAX_QUERY_CHARS = 200

_TERM = re.compile(r'["“”„«»]([^"“”„«»]*)["“”„«»]?|([^\s"“”„«»]+)')
# Scripts that write no spaces: Chinese, Japanese, Thai and their neighbours. `unicode61` would make
# one word of a whole sentence; with an unseen space after each sign, it makes one of each.
_UNSPACED = re.compile(
    "([\u0e00-\u0edf\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])"
)
UNSEEN_SPACE = "\u200b"


@dataclass(frozen=True, slots=True)
class Query:
    """The terms of a query in order; the last is a beginning of a word if it is being typed.

    `is_cut` is true where more was typed than is looked for.
    """

    terms: tuple[str, ...] = ()
    last_is_whole: bool = False
    is_cut: bool = False

    @property
    def expression(self) -> str:
        """The query in FTS5's syntax: all terms, each quoted; a quotation mark is in none."""
        quoted = [f'"{separate_signs(term)}"' for term in self.terms]
        # Too many words begin with one letter for it to mean anything.
        if quoted and not self.last_is_whole and len(self.terms[-1]) > 1:
            quoted[-1] += "*"
        return " AND ".join(quoted)


def read_query(text: str) -> Query:
    """Read words, and "several words" in quotation marks that have to stand together."""
    shortened = text[:MAX_QUERY_CHARS]
    terms: list[str] = []
    last_is_whole = False
    is_cut = len(text) > MAX_QUERY_CHARS
    for found in _TERM.finditer(shortened):
        term = (found[1] if found[1] is not None else found[2]).replace("\0", " ").strip()
        # FTS5 finds letters and digits only; a term of signs alone would be none.
        if not any(character.isalnum() for character in term):
            continue
        if len(terms) == MAX_TERMS:
            is_cut = True
            break
        is_cut = is_cut or len(term) > MAX_TERM_CHARS
        term = term[:MAX_TERM_CHARS]
        # Once each: the walk through the index is the same. The last stays the last.
        terms = [one for one in terms if one != term]
        terms.append(term)
        last_is_whole = found[1] is not None
    return Query(tuple(terms), last_is_whole, is_cut)


def separate_signs(text: str) -> str:
    """Put an unseen space after each sign of a script that writes none."""
    return _UNSPACED.sub(rf"\1{UNSEEN_SPACE}", text)


def join_signs(text: str) -> str:
    """Take the unseen spaces out again, for showing."""
    return text.replace(UNSEEN_SPACE, "")
