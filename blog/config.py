"""Every setting of the blog: its name, type, default, unit and meaning; the server's are beside it.

Nothing else in the blog reads the environment. A setting `posts_dir` is read from the variable
`BLOG_POSTS_DIR`; `PORT` and `WEB_CONCURRENCY` keep the names that hosting platforms give them.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from blog.palettes import DEFAULT, PALETTES
from blog.server_settings import ServerSettings, find_contradictions
from blog.setting_kinds import (
    COLOUR,
    CONTACT,
    FOLDER,
    FONT,
    ICON,
    LANGUAGE,
    LOGO,
    MENU,
    ORIGINS,
    POSITIVE,
    SECONDS,
    SECRET,
    SITE_URL,
    SWITCH,
    TEXT,
    WHOLE,
    WORDS,
    ZONE,
    MenuItem,
    one_of,
    setting,
)
from blog.setting_sources import read_site, suggest, variable_name
from blog.site_folder import find_site, overridden
from blog.words import OwnWords, find_mistakes
from flask_presence.place import Place


class SettingsError(ValueError):
    """One or more settings cannot be used; one line for each in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    @property
    def at_exit(self) -> str:
        """What a program says that cannot start because of them."""
        return "\n".join(["The blog cannot start:", *self.problems])


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServerSettings):
    """What a deployer can choose. Values are checked once, when they are read."""

    title: str = setting("Viblog", TEXT, "The blog's name.")
    description: str = setting(
        "A blog that knows who is reading it.",
        TEXT,
        "One sentence under the name, and for search engines.",
    )
    site_url: str = setting(
        "",
        SITE_URL,
        "The public address, with the path that the blog is below, if any. Feeds, the sitemap and"
        " cards are made from it, never from a request; without it there are none, and canonical"
        " links are paths.",
    )
    language: str = setting(
        "en",
        LANGUAGE,
        "The language of the posts and of the pages' own words, and by it their direction. Words"
        " without a catalogue are English.",
    )
    words: OwnWords = setting(
        (), WORDS, "Your own words for texts of the pages: `docs/languages.md`."
    )
    time_zone: ZoneInfo = setting(
        ZoneInfo("UTC"), ZONE, "The time zone of a post's date that names none."
    )
    theme: str = setting(
        "plain",
        one_of("plain", "broadsheet"),
        "What the pages look like: a quiet page, or a newspaper's. A site's own files override"
        " both.",
    )
    menu: tuple[MenuItem, ...] = setting(
        (),
        MENU,
        "The whole menu, in order, such as `posts, about, Mastodon = https://example.org/@me"
        " rel=me`: `docs/site.md`. Empty: posts, tags, archive, and the pages with `menu`.",
    )
    secret_key: str = setting(
        "",
        SECRET,
        "Signs the links to previews of hidden posts, of which there are none without it, and what"
        " opens the desk; a blog on one host makes a key for that in `BLOG_INSTANCE_DIR`.",
    )
    posts_dir: Path = setting(
        Path("posts"), FOLDER, "Where the posts are: every Markdown file, any depth."
    )
    pages_dir: Path = setting(
        Path("pages"), FOLDER, "Where the pages are: `impressum.md` is the page `/impressum`."
    )
    about_dir: Path = setting(
        Path("about"),
        FOLDER,
        "An about page of one section in each file, from before there were pages. Deprecated: put"
        " it into `pages/about.md`.",
    )
    instance_dir: Path = setting(
        Path("instance"),
        FOLDER,
        "What the running blog keeps for itself: the embedded Valkey's socket and log, the search"
        " index, the cards, smaller copies of pictures; and, worth a backup, what was counted.",
    )
    posts_per_page: int = setting(10, POSITIVE, "Posts on one page of the index.")
    feed_posts: int = setting(20, POSITIVE, "Posts in a feed, the newest.")
    page_cache_megabytes: int = setting(
        32, WHOLE, "Memory of each worker for finished pages, in MiB; 0 for none: `docs/pages.md`."
    )
    security_contact: str = setting(
        "", CONTACT, "Whom to tell of a weakness; it is published in `/.well-known/security.txt`."
    )
    palette: str = setting(
        DEFAULT, one_of(*PALETTES), "The colours of the pages, light and dark, and of the cards."
    )
    font: str = setting(
        "serif",
        one_of("serif", "sans", "system"),
        "What texts are set in: `serif` is Source Serif, which comes with the blog, `sans` and"
        " `system` (with serifs) are what the reader's device has.",
    )
    accent: str = setting(
        "",
        COLOUR,
        "The colour of links and of the live dot; darkened on light pages and lightened on dark"
        " ones until it can be read.",
    )
    scheme_switch: bool = setting(
        False,
        SWITCH,
        "Let readers choose light or dark pages, in the footer: a cookie for who does, and a small"
        " request more with each page.",
    )
    icon: str = setting(
        "favicon.svg", ICON, "The blog's icon; telephones get a PNG that is made of it."
    )
    logo: str = setting("", LOGO, "A picture in place of the blog's name, at the top of pages.")
    card_font: str = setting(
        "",
        FONT,
        "The font of the cards, for titles in Chinese, Japanese or Korean. By default the pages'"
        " font, or FiraGO for letters that it lacks.",
    )
    smart_quotes: bool = setting(
        False, SWITCH, "Show straight quotes, `--` and `...` in posts as “curly” ones, – and …."
    )
    script_hosts: tuple[str, ...] = setting(
        (), ORIGINS, "Sites whose scripts your pages may run, and send data to: analytics."
    )
    form_hosts: tuple[str, ...] = setting(
        (), ORIGINS, "Sites that a form on your pages may be sent to: a newsletter."
    )
    frame_hosts: tuple[str, ...] = setting(
        (), ORIGINS, "Sites that frames (`<iframe>`) on your pages may show: films, maps."
    )
    count: str = setting(
        "tabs", one_of("tabs", "readers"), "What is counted: every open tab, or distinct browsers."
    )
    privacy_signal: str = setting(
        "tab",
        one_of("tab", "uncounted"),
        "How a browser counts that asks for privacy (`Sec-GPC`, `DNT`): each tab by itself,"
        " without a cookie, or not at all.",
    )
    faces: bool = setting(
        True,
        SWITCH,
        "Show a small picture for each reader of a post that has 2 to 50: chosen on arrival, and"
        " another one on every post.",
    )
    sections: bool = setting(
        False,
        SWITCH,
        "Show in a post's table of contents how many of its readers are at each section, while it"
        " has 2 to 50. Each section that comes into view is a request.",
    )
    activity: str = setting(
        "summary",
        one_of("summary", "off", "events"),
        "What the index and `/now` say of the last hour: which posts were opened three times or"
        " more, and the most readers at once today; `events` adds single openings, a minute late"
        " and while three are here.",
    )
    history: bool = setting(
        True,
        SWITCH,
        "Keep what is counted, as numbers by page and time: `docs/history.md`. Nothing is kept of a"
        " reader.",
    )
    title_count: bool = setting(
        False,
        SWITCH,
        "Show how many read a post in the title of its browser tab, too: `(3) Title`.",
    )
    pause_hidden_tabs: bool = setting(False, SWITCH, "Do not count a tab while it is hidden.")
    linger_seconds: float = setting(
        1.0,
        SECONDS,
        "How long a closed tab still counts, so that following a link never makes the total dip.",
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], site: Path | None = None) -> Self:
        """Read every setting: from environment variables, else from the files of a site folder.

        Raises `SettingsError` with a line for each that cannot be used, and for each variable
        `BLOG_*` that is no setting (a typing mistake would else go unnoticed).
        """
        specs = {variable_name(spec): spec for spec in dataclasses.fields(cls)}
        said = {name: (name, text) for name, text in environ.items()}
        problems: list[str] = []
        if site is not None:
            said = read_site(site, specs, problems) | said
        values: dict[str, Any] = {}
        for variable, spec in specs.items():
            if variable not in said:
                continue
            kind = spec.metadata["kind"]
            where, text = said[variable]
            try:
                values[spec.name] = kind.read(text)
            except (ValueError, LookupError, OSError):
                found = "an unusable value" if kind.is_secret else repr(text)
                problems.append(f"{where}: found {found}, expected {kind.expected}")
        problems += [
            f"{said[name][0]}: no such setting; {suggest(name, specs)}"
            for name in sorted(said)
            if name.startswith("BLOG_") and name not in specs
        ]
        settings = cls(**values)
        problems += [
            *find_contradictions(settings),
            *find_mistakes(settings.language, settings.words),
            *_missing_files(settings, site),
        ]
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def origin(self) -> str:
        """The public address without a path; "" while it is not known."""
        return self.site_url.rstrip("/").removesuffix(self.base_path)

    @property
    def base_path(self) -> str:
        """The path that the whole blog is below, such as `/notes`; "" at the root of its host."""
        return urlsplit(self.site_url).path.rstrip("/")

    @property
    def place(self) -> Place:
        """Where the presence of the blog is, for commands."""
        return Place(
            redis_url=self.redis_url,
            redis_prefix=self.redis_prefix,
            instance_dir=self.instance_dir,
            stream="/live?page=index",
            max_streams=self.max_streams,
            variables="BLOG_",
            program="the blog",
        )

    @classmethod
    def from_process(cls) -> Self:
        """Read every setting from this process's environment and the current site folder."""
        return cls.from_environ(os.environ, find_site())


def describe_settings() -> Iterable[tuple[str, str, str, str]]:
    """Yield variable, default, what is expected, and meaning of every setting."""
    for spec in dataclasses.fields(Settings):
        default = spec.default
        if isinstance(default, tuple):
            shown = ",".join(map(str, default))
        else:
            shown = f"{default:g}" if isinstance(default, float | bool) else str(default)
        yield variable_name(spec), shown, spec.metadata["kind"].expected, spec.metadata["help"]


def _missing_files(settings: Settings, site: Path | None) -> list[str]:
    folders = overridden(site, "static", settings.theme)
    missing = [
        f"BLOG_{name.upper()}: found no static/{file}, expected a file that is there"
        for name in ("icon", "logo")
        if (file := getattr(settings, name))
        and not any((folder / file).is_file() for folder in folders)
    ]
    # Here, since a worker that cannot open it ends with a traceback, again and again.
    if (font := settings.card_font) and not Path(font).is_file():
        missing.append(f"BLOG_CARD_FONT: found no {font}, expected a font file that is there")
    return missing


def main() -> None:
    """Check this process's settings, before gunicorn starts: it reads WEB_CONCURRENCY itself."""
    try:
        Settings.from_process()
    except SettingsError as error:
        sys.exit(error.at_exit)


if __name__ == "__main__":
    main()
