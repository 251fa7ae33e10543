"""The HTML that WordPress and Ghost have of a text, as a body of ours: Markdown lets it through."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Bounded, so that many that are never closed cost no time.
_BLOCK_MARK = re.compile(
    r"<!--\s{0,9}/?wp:[^>]{0,5000}-->\n?|<!--(?:more|nextpage|kg-card-\w+:[^>]{0,99})-->"
)
_CAPTION = re.compile(
    r"\[caption[^\]]{0,500}\]\s{0,9}"
    r"((?:<a [^>]{0,2000}>\s{0,9})?<img [^>]{0,5000}>(?:\s{0,9}</a>)?)"
    r"([^\[]{0,5000})\[/caption\]"
)
_EMBED = re.compile(r"\[embed[^\]]{0,500}\]\s{0,9}(https?://[^\s\[]{1,2000})\s{0,9}\[/embed\]")
_SHORTCODE = re.compile(r"\[/?([a-z][a-z0-9_-]{1,60})(?:\s[^\]\n]{0,1000})?/?\](?!\()")
_BLOCK = (
    "address|article|aside|audio|blockquote|dd|details|div|dl|dt|figcaption|figure|footer|form"
    "|h[1-6]|header|hr|iframe|li|main|nav|ol|p|pre|script|section|style|summary|table|tbody|td"
    "|tfoot|th|thead|tr|ul|video"
)
_STARTS_BLOCK = re.compile(rf"</?(?:{_BLOCK})\b|<!--", re.IGNORECASE)
_BEFORE = re.compile(r"\n?(?=<(?:blockquote|dl|figure|h[1-6]|hr|ol|pre|table|ul)\b)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+")
_GAP = re.compile(r"\n[ \t]*\n\s*")


def write_body(html: str) -> tuple[str, tuple[str, ...]]:
    """Return a text's HTML in blocks with empty lines between, and the short codes that are in it.

    Lines of text that stand free, as WordPress keeps them, become paragraphs.
    """
    text = html.replace("\r\n", "\n").replace("\r", "\n")
    text = _EMBED.sub(r"\n\n\1\n\n", _BLOCK_MARK.sub("", text))
    text = _CAPTION.sub(r"\n\n<figure>\1<figcaption>\2</figcaption></figure>\n\n", text)
    blocks: list[str] = []
    codes: dict[str, None] = {}
    for is_code, piece in _cut_code(text):
        if is_code:
            blocks.append(piece)
            continue
        codes |= dict.fromkeys(found[1] for found in _SHORTCODE.finditer(piece))
        found = map(str.strip, _GAP.split(_BEFORE.sub("\n\n", piece)))
        blocks += [_write_block(block) for block in found if block]
    return "\n\n".join(blocks), tuple(codes)


def _write_block(block: str) -> str:
    if _STARTS_BLOCK.match(block):
        return block
    if _ADDRESS.fullmatch(block):
        return f"<{block}>"
    return "<p>" + block.replace("\n", "<br>\n") + "</p>"


def _cut_code(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the text in pieces, each with whether it is code, whose empty lines stay."""
    at, low = 0, text.lower()
    while (start := low.find("<pre", at)) >= 0 and (end := low.find("</pre>", start)) >= 0:
        yield False, text[at:start]
        yield True, text[start : end + len("</pre>")]
        at = end + len("</pre>")
    yield False, text[at:]
