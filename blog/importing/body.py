"""The text of a post: Liquid, shortcodes and Pelican's links, converted to Markdown.

What cannot be converted becomes an HTML comment: it is not on the page, and not lost.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from blog.posts.addresses import post_path

_FENCE = r"^[ ]{0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^[ ]{0,3}\1[`~]*[ \t]*$|\Z)"
# None of these may hold another of its kind, so many that are never closed cost no time.
_RAW = r"\{%-?\s{0,9}raw\s{0,9}-?%\}((?:(?!\{%-?\s{0,9}raw).)*?)\{%-?\s{0,9}endraw\s{0,9}-?%\}"
_CODE_SPAN = r"(?<!`)(`+)(?!`)[^\n]*?(?<!`)\3(?!`)"
_KEPT = re.compile(f"{_FENCE}|{_RAW}|{_CODE_SPAN}", re.MULTILINE | re.DOTALL)

_MORE = re.compile(r"^<!--\s{0,9}more\s{0,9}-->[ \t]*\n?", re.MULTILINE | re.IGNORECASE)
_LIQUID_CODE = re.compile(
    r"\{%-?\s{0,9}highlight\s{1,9}([\w+#.-]+)[^%]{0,200}%\}[ \t]{0,9}\n?"
    r"((?:(?!\{%-?\s{0,9}highlight).)*?)\n?[ \t]{0,9}\{%-?\s{0,9}endhighlight\s{0,9}-?%\}",
    re.DOTALL,
)
# Octopress's and Hexo's: `{% codeblock a title lang:ruby %}`.
_CODE_BLOCK = re.compile(
    r"\{%-?\s{0,9}codeblock\b([^%]{0,200})%\}[ \t]{0,9}\n?"
    r"((?:(?!\{%-?\s{0,9}codeblock).)*?)\n?[ \t]{0,9}\{%-?\s{0,9}endcodeblock\s{0,9}-?%\}",
    re.DOTALL,
)
_CODE_BLOCK_LANGUAGE = re.compile(r"\blang:([\w+#.-]+)")
_LIQUID_RAW = re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}")
_LIQUID_COMMENT = re.compile(
    r"\{%-?\s{0,9}comment\s{0,9}-?%\}(?:(?!\{%-?\s{0,9}comment).)*?"
    r"\{%-?\s{0,9}endcomment\s{0,9}-?%\}",
    re.DOTALL,
)
_LIQUID = re.compile(r"\{%-?(.{0,1000}?)-?%\}|\{\{-?(.{0,1000}?)-?\}\}", re.DOTALL)
_LIQUID_TAG = re.compile(r"\{%-?(.{0,1000}?)-?%\}", re.DOTALL)
_LIQUID_URL = re.compile(r"""(['"])(.*?)\1\s*\|\s*(?:relative_url|absolute_url|prepend:.*)""")
_LIQUID_LINK = re.compile(r"""(?:post_url|link)\s+(\S+)""")
_BASE = frozenset({"site.baseurl", "site.url", "site.github.url"})

_HUGO_CODE = re.compile(
    r"\{\{[<%]\s{0,9}highlight\s{1,9}\"?([\w+#.-]+)\"?[^}]{0,200}[>%]\}\}[ \t]{0,9}\n?"
    r"((?:(?!\{\{[<%]\s{0,9}highlight).)*?)\n?[ \t]{0,9}"
    r"\{\{[<%]\s{0,9}/\s{0,9}highlight\s{0,9}[>%]\}\}",
    re.DOTALL,
)
_SHORTCODE = re.compile(r"\{\{([<%])(.{0,1000}?)[>%]\}\}", re.DOTALL)
_ESCAPED_SHORTCODE = re.compile(r"\{\{([<%])/\*(.{0,1000}?)\*/([>%])\}\}", re.DOTALL)
_UNESCAPED = r"{{\1\2\3}}"
_VIDEOS = {
    "youtube": "https://www.youtube.com/watch?v={}",
    "vimeo": "https://vimeo.com/{}",
    "gist": "https://gist.github.com/{}/{}",
}

# Zola's: `{{ youtube(id="x") }}`, and around a text `{% quote(author="x") %}` and `{% end %}`.
_ZOLA = re.compile(r"\{[{%]\s{0,9}(?:(\w{1,60})\(([^{}]{0,1000})\)|end)\s{0,9}[%}]\}")
_ZOLA_ID = re.compile(r"\bid\s{0,9}=\s{0,9}[\"'`]([\w-]{1,60})[\"'`]")

_LINKED_AUTHOR = re.compile(r"\[([^\[\]]{0,300})\]\(\s{0,9}<?[{|]author[}|][^)]{0,300}\)")
# A link to a post by its file; Zola begins it with `@/`.
_FILE_LINK = re.compile(
    r"(\]\(\s{0,9}<?)@?([^)\s>:#]{1,300}\.(?:md|markdown|mdown|mkd))(?=[)\s>#])", re.IGNORECASE
)
_PICTURE = re.compile(r"(?:https?:/)?/|[{|](?:filename|static|attach)[}|]|\S+\.\w{3,4}$")

_PELICAN = re.compile(r"[{|](filename|static|attach|tag|category|author|index)[}|]([^\s)\"'>]*)")

FindPost = Callable[[str], str | None]


@dataclass(slots=True)
class BodyConverter:
    """Converts one body. `find_post` gives the id of the post that a name or a path stands for."""

    kind: str
    body: str
    body_line: int
    find_post: FindPost
    notes: list[str] = field(default_factory=list)

    def convert(self) -> str:
        """Return the body as Markdown of ours."""
        text = self.body
        if self.kind == "jekyll":
            text = _CODE_BLOCK.sub(_write_code_block, _LIQUID_CODE.sub(_write_fence, text))
        elif self.kind == "hugo":
            text = _HUGO_CODE.sub(_write_fence, text)
        pieces = []
        for is_kept, piece in cut_code(text):
            pieces.append(self._keep(piece) if is_kept else self._convert_piece(piece))
        return "".join(pieces)

    def _keep(self, piece: str) -> str:
        if self.kind == "jekyll":
            return _LIQUID_RAW.sub("", piece)
        return _ESCAPED_SHORTCODE.sub(_UNESCAPED, piece) if self.kind == "hugo" else piece

    def _convert_piece(self, piece: str) -> str:
        piece = _FILE_LINK.sub(self._link_file, _MORE.sub("", piece))
        if self.kind == "jekyll":
            return _LIQUID.sub(self._convert_liquid, _LIQUID_COMMENT.sub("", piece))
        if self.kind == "hugo":
            return _SHORTCODE.sub(self._convert_shortcode, piece)
        if self.kind == "zola":
            return _ZOLA.sub(self._convert_zola, piece)
        if self.kind == "pelican":
            piece = _LIQUID_TAG.sub(self._convert_liquid, piece)
            piece = _LINKED_AUTHOR.sub(self._drop_link, piece)
            return _PELICAN.sub(self._convert_link, piece)
        return piece

    def _convert_liquid(self, found: re.Match[str]) -> str:
        tag, value = (group and group.strip() for group in (*found.groups(), None)[:2])
        if value in _BASE:
            return ""
        if value and (url := _LIQUID_URL.fullmatch(value)):
            return url[2]
        if tag and (link := _LIQUID_LINK.fullmatch(tag)):
            return self._link_to(link[1], found[0])
        name, *arguments = _split(tag or "") or [""]
        if name == "include" and arguments:
            # A theme's own, which most call so: include figure.html src="…" caption="…".
            named = dict(word.split("=", 1) for word in arguments if "=" in word)
            if "src" in named and re.search("fig|im(?:age|g)|pic", arguments[0]):
                return _write_figure(named)
        if name in ("img", "image", "asset_img") and (picture := _read_picture(arguments)):
            return _write_figure(picture)
        if name in _VIDEOS and len(arguments) >= _VIDEOS[name].count("{}"):
            return f"<{_VIDEOS[name].format(*arguments)}>"
        if name == "post_link" and arguments and (post_id := self.find_post(arguments[0])):
            return f"[{' '.join(arguments[1:]) or arguments[0]}]({post_path(post_id)})"
        return self._leave_out(found[0])

    def _convert_shortcode(self, found: re.Match[str]) -> str:
        inside = found[2].strip()
        if inside.startswith("/*"):
            return _ESCAPED_SHORTCODE.sub(_UNESCAPED, found[0])
        words = _split(inside)
        name, arguments = (words[0], words[1:]) if words else ("", [])
        named = dict(word.split("=", 1) for word in arguments if "=" in word)
        if name in ("ref", "relref") and arguments:
            return self._link_to(named.get("path") or arguments[0], found[0])
        if name == "figure" and "src" in named:
            return _write_figure(named)
        values = [named["id"]] if "id" in named else arguments
        if name in _VIDEOS and len(values) >= _VIDEOS[name].count("{}"):
            return f"<{_VIDEOS[name].format(*values)}>"
        return self._leave_out(found[0])

    def _convert_zola(self, found: re.Match[str]) -> str:
        name, said = found[1], _ZOLA_ID.search(found[2] or "")
        if name in _VIDEOS and said and _VIDEOS[name].count("{}") == 1:
            return f"<{_VIDEOS[name].format(said[1])}>"
        return self._leave_out(found[0])

    def _convert_link(self, found: re.Match[str]) -> str:
        what, name = found.groups()
        if what == "filename":
            return self._link_to(name, found[0])
        if what in ("static", "attach"):
            return name
        if what == "index":
            return "/"
        if what in ("tag", "category"):
            return f"/tags/{name}"
        return self._note(found[0], "/", "no such page, now /")

    def _drop_link(self, found: re.Match[str]) -> str:
        return self._note(found[0], found[1], "no such page, so no link")

    def _link_file(self, found: re.Match[str]) -> str:
        post_id = self.find_post(unquote(found[2]))
        return f"{found[1]}{post_path(post_id)}" if post_id else found[0]

    def _link_to(self, reference: str, written: str) -> str:
        name, mark, anchor = reference.strip("'\"").partition("#")
        if not name:
            return f"#{anchor}"
        post_id = self.find_post(name)
        if post_id is None:
            guessed = f"/{name.lstrip('/')}{mark}{anchor}"
            return self._note(written, guessed, f"no such post, now {guessed}")
        return f"{post_path(post_id)}{mark}{anchor}"

    def _leave_out(self, written: str) -> str:
        shown = written.replace("--", "- -")
        return self._note(written, f"<!-- not imported: {shown} -->")

    def _note(self, written: str, replacement: str, what: str = "left out") -> str:
        at = self.body.find(written)
        line = self.body_line + self.body.count("\n", 0, max(at, 0))
        self.notes.append(f"line {line}: {what}: {' '.join(written.split())[:80]}")
        return replacement


def cut_code(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the pieces of a text in order; True for code, which means what it says."""
    at = 0
    for code in _KEPT.finditer(text):
        yield False, text[at : code.start()]
        yield True, code[0]
        at = code.end()
    yield False, text[at:]


def _split(text: str) -> list[str]:
    """Return the words of a tag, of which some may be quoted; none where a quote is not closed."""
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _read_picture(words: list[str]) -> dict[str, str]:
    """Read `[class] address [width [height]] [title [alt]]`; empty where no address is found."""
    at = next((at for at, word in enumerate(words) if _PICTURE.match(word)), None)
    if at is None:
        return {}
    said = [word for word in words[at + 1 :] if not re.fullmatch(r"\d+(?:px|%)?|auto", word)]
    if any(" " in word for word in said):
        title, alt = said[0], said[-1]
    else:
        title = alt = " ".join(said)
    return {"src": words[at], "title": title, "alt": alt}


def _write_code_block(found: re.Match[str]) -> str:
    language = _CODE_BLOCK_LANGUAGE.search(found[1])
    mark = "```" if "```" not in found[2] else "````"
    return f"{mark}{language[1].lower() if language else ''}\n{found[2]}\n{mark}"


def _write_fence(found: re.Match[str]) -> str:
    mark = "```" if "```" not in found[2] else "````"
    return f"{mark}{found[1].lower()}\n{found[2]}\n{mark}"


def _write_figure(named: dict[str, str]) -> str:
    caption = named.get("caption") or named.get("title") or ""
    title = ' "{}"'.format(caption.replace('"', "'")) if caption else ""
    image = f"![{named.get('alt') or caption}]({named['src']}{title})"
    return f"[{image}]({named['link']})" if named.get("link") else image
