"""An import finds each post's old address, and gives each an address of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.importing import ImportSourceError, find_site
from tests.posts.imported import Imported, bring, load, put

DEFAULTS = """defaults:
  - scope: {path: "", type: posts}
    values: {permalink: "/:year/:i_month/:i_day/:title", author: Ada}
  - scope: {path: _posts/pages}
    values: {permalink: pretty, author: Grace}
  - scope: {path: "", type: drafts}
    values: {tags: [later]}
  - scope: {path: "", type: pages}
    values: {author: Nobody}
"""


def test_jekyll_s_defaults_are_read_the_more_exact_ones_first(tmp_path: Path):
    put(tmp_path, "site/_config.yml", DEFAULTS)
    put(tmp_path, "site/_posts/2020-01-01-a.md", "---\ntitle: A\ncategory: news\n---\n")
    put(tmp_path, "site/_posts/pages/2020-01-02-b.md", "---\ntitle: B\n---\n")
    put(tmp_path, "site/_posts/2020-01-03-c.md", "---\ntitle: C\nauthor: Mary\n---\n")
    put(tmp_path, "site/_posts/2020-01-04-d.md", "---\ntitle: D\npermalink: /:title/:day/\n---\n")
    put(tmp_path, "site/_drafts/e.md", "---\ntitle: E\n---\n")
    for folder, into in (("site", "ours"), ("site/_posts", "../ours-2")):
        posts = Imported(tmp_path / folder, into=into).posts
        assert {post_id: post.aliases for post_id, post in posts.items() if post.date} == {
            "a": ("/2020/1/1/a",),
            "b": ("/2020/01/02/b/",),
            "c": ("/2020/1/3/c",),
            "d": ("/d/04/",),
        }
        authors = [posts[name].authors[0] for name in "abcd"]
        assert authors == ["Ada", "Grace", "Mary", "Ada"]
    assert Imported(tmp_path / "site", into="ours-3").posts["e"].tags == ("later",)


@pytest.mark.parametrize(
    ("config", "name", "fields", "address"),
    [
        ("baseurl: /w", "_posts/2020-01-02-a.md", "permalink: /x/", "/w/x/"),
        ("baseurl: /w", "_posts/2020-01-02-a.md", "permalink: x.html", "/w/x.html"),
        ("root: /w/", "_posts/2020-01-02-a.md", "permalink: /:title/", "/w/a/"),
        ("baseurl: /w", "_posts/2020-01-02-a.md", "permalink: https://a.example/x", "/x"),
        ("baseurl: ''", "_posts/2020-01-02-a.md", "permalink: /x/", "/x/"),
        ("collections: {posts: {permalink: /p/:title/}}", "_posts/2020-01-02-a.md", "", "/p/a/"),
        ("collections_dir: all", "all/_posts/2020-01-02-a.md", "", "/2020/01/02/a.html"),
        ("source: src", "src/x/_posts/2020-01-02-a.md", "", "/x/2020/01/02/a.html"),
        ("", "_posts/deep/2020-01-02-a.md", "", "/2020/01/02/a.html"),
        (
            "",
            "_posts/2020-01-02-a.md",
            "categories: [Big Cat, X]",
            "/big%20cat/x/2020/01/02/a.html",
        ),
        ("", "_posts/2020-01-02-a.md", "category: Big Cat", "/big%20cat/2020/01/02/a.html"),
        (
            "permalink: /:slugified_categories/:title",
            "_posts/2020-01-02-a.md",
            "category: Big Cat",
            "/big-cat/a",
        ),
        ("permalink: weekdate", "_posts/2020-01-02-a.md", "", "/2020/W01/Thu/a.html"),
        (
            "",
            "_posts/2020-01-02-Привет, мир!.md",
            "",
            "/2020/01/02/%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82,-%D0%BC%D0%B8%D1%80!.html",
        ),
        (
            "permalink: /:slug",
            "_posts/2020-01-02-C++ & हिन्दी.md",
            "",
            "/c-%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80",
        ),
        (
            "root: /w/\nsource_dir: source\npermalink: :year/:title/",
            "source/_posts/a.md",
            "date: 2020-01-02",
            "/w/2020/a/",
        ),
    ],
)
def test_a_jekyll_address_is_as_jekyll_wrote_it(
    tmp_path: Path, config: str, name: str, fields: str, address: str
):
    put(tmp_path, "site/_config.yml", f"title: T\n{config}\n")
    put(tmp_path, f"site/{name}", f"---\ntitle: T\n{fields}\n---\n")
    (post,) = Imported(tmp_path / "site").posts.values()
    assert post.aliases == (address,)


@pytest.mark.parametrize(
    ("config", "name", "field"),
    [
        ("_config.yml: {baseurl: /w}", "_posts/2020-01-02-a.md", "redirect_from: [/old/]"),
        ("hugo.yaml: {baseURL: https://a.example/w/}", "content/a.md", "aliases: [/old/]"),
    ],
)
def test_an_older_address_is_below_that_of_the_site(
    tmp_path: Path, config: str, name: str, field: str
):
    file, said = config.split(": ", 1)
    put(tmp_path, f"site/{file}", said)
    put(tmp_path, f"site/{name}", f"---\ntitle: T\n{field}\n---\n")
    (post,) = Imported(tmp_path / "site").posts.values()
    assert post.aliases[1:] == ("/w/old/",)


def test_names_in_every_script_stay_and_lose_no_post(tmp_path: Path):
    put(tmp_path, "site/_config.yml", "title: T\n")
    for name in ("Docker安装教程", "Docker使用指南"):
        put(tmp_path, f"site/_posts/2023-01-02-{name}.md", f"---\ntitle: {name}\n---\n")
    posts = Imported(tmp_path / "site").posts
    assert sorted(posts) == ["Docker使用指南", "Docker安装教程"]
    assert posts["Docker安装教程"].aliases == (
        "/2023/01/02/Docker%E5%AE%89%E8%A3%85%E6%95%99%E7%A8%8B.html",
    )


@pytest.mark.parametrize(
    ("config", "name", "fields", "address"),
    [
        (
            '[permalinks]\nposts = "/:year/:month/:slug/"',
            "content/posts/a.md",
            "",
            "/2020/03/hello-there/",
        ),
        (
            '[permalinks.page]\nposts = "/:year/:month/:slug/"',
            "content/posts/a.md",
            "slug: b",
            "/2020/03/b/",
        ),
        ('contentDir = "content/en"', "content/en/post/a.md", "", "/post/a/"),
        ('[languages.en]\ncontentDir = "content/en"', "content/en/post/a.md", "", "/post/a/"),
        ('[languages.fr]\ncontentDir = "content/fr"', "content/fr/post/a.md", "", "/fr/post/a/"),
        (
            'defaultContentLanguage = "fr"\n[languages.fr]\ncontentDir = "fr"',
            "fr/post/a.md",
            "",
            "/post/a/",
        ),
        (
            'defaultContentLanguageInSubdir = true\n[languages.en]\ncontentDir = "content/en"',
            "content/en/post/a.md",
            "",
            "/en/post/a/",
        ),
        (
            '[[module.mounts]]\nsource = "notes"\ntarget = "content"',
            "notes/post/a.md",
            "",
            "/post/a/",
        ),
        ("uglyURLs = true", "content/post/a.md", "", "/post/a.html"),
        ("[uglyURLs]\npost = true", "content/post/a.md", "", "/post/a.html"),
        ("[uglyURLs]\nother = true", "content/post/a.md", "", "/post/a/"),
        (
            '[uglyURLs]\npost = true\n[permalinks]\npost = "/:year/:filename"',
            "content/post/a.md",
            "",
            "/2020/a.html",
        ),
        (
            '[permalinks]\npost = "/:sections[1:]/:title/"',
            "content/post/x/y/a.md",
            "",
            "/x/y/hello-there/",
        ),
        (
            '[permalinks]\npost = "/:2006/:01/:weekdayname/:filename/"',
            "content/post/a.md",
            "",
            "/2020/03/wednesday/a/",
        ),
        ("disablePathToLower = true", "content/Post/A b.md", "", "/Post/A-b/"),
        ("", "content/Post/A b's C++.md", "", "/post/a-bs-c++/"),
        (
            "",
            "content/post/Привет мир.md",
            "",
            "/post/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82-%D0%BC%D0%B8%D1%80/",
        ),
        ("", "content/a.md", "", "/a/"),
        ('baseURL = "https://a.example/w/"', "content/a.md", "url: /x/y/", "/w/x/y/"),
        ('baseURL = "https://a.example/w"', "content/a.md", "url: x.html", "/w/x.html"),
        (
            'baseURL = "https://a.example/w/"\n[languages.fr]\ncontentDir = "content/fr"',
            "content/fr/a.md",
            "url: x/",
            "/w/fr/x/",
        ),
        (
            'baseURL = "https://a.example/w/"\n[languages.fr]\ncontentDir = "content/fr"',
            "content/fr/a.md",
            "url: /x/",
            "/w/x/",
        ),
    ],
)
def test_a_hugo_address_is_as_hugo_wrote_it_whichever_folder_is_named(
    tmp_path: Path, config: str, name: str, fields: str, address: str
):
    put(tmp_path, "site/hugo.toml", f"{config}\n")
    path = put(
        tmp_path, f"site/{name}", f"---\ntitle: Hello, there!\ndate: 2020-03-04\n{fields}\n---\n"
    )
    for number, folder in enumerate((tmp_path / "site", path.parent)):
        (outcome,) = bring(find_site(folder), tmp_path / f"ours-{number}")
        (post,) = load(tmp_path / f"ours-{number}").index.posts
        assert post.aliases == (address,), outcome


def test_a_hugo_site_whose_configuration_is_divided(tmp_path: Path):
    put(tmp_path, "site/config/_default/hugo.yaml", "title: T\n")
    put(tmp_path, "site/config/_default/permalinks.yaml", "page: {posts: /:year/:slug/}\n")
    put(tmp_path, "site/content/posts/a.md", "---\ntitle: Hello\ndate: 2020-03-04\n---\n")
    assert Imported(tmp_path / "site").posts["a"].aliases == ("/2020/hello/",)


def test_posts_of_one_name_are_told_apart_by_their_days(tmp_path: Path):
    put(tmp_path, "site/_config.yml", "title: T\n")
    for day in ("01", "08", "15"):
        text = f"---\ntitle: Week {day}\n---\n[1]({{% post_url 2020-02-08-this-week %}})\n"
        put(tmp_path, f"site/_posts/2020-02-{day}-this-week.md", text)
    put(tmp_path, "site/x/_posts/2020-02-08-this-week.md", "---\ntitle: X\n---\n")
    put(tmp_path, "site/y/_posts/2020-02-15-this-week.md", "---\ntitle: Y\n---\n")
    imported = Imported(tmp_path / "site")
    assert set(imported.kinds().values()) == {"imported"}
    assert {post_id: post.aliases for post_id, post in imported.posts.items()} == {
        "this-week": ("/2020/02/01/this-week.html",),
        "this-week-2020-02-08": ("/2020/02/08/this-week.html",),
        "this-week-2020-02-15": ("/2020/02/15/this-week.html",),
        "this-week-2": ("/x/2020/02/08/this-week.html",),
        "this-week-3": ("/y/2020/02/15/this-week.html",),
    }
    assert imported.posts["this-week"].body == "[1](/blog/this-week-2020-02-08)\n"
    again = Imported(tmp_path / "site")
    assert set(again.kinds().values()) == {"kept"}


def test_two_posts_that_had_one_address_are_told(tmp_path: Path):
    put(tmp_path, "site/a.md", "---\ntitle: A\nurl: /old/\n---\n")
    put(tmp_path, "site/b.md", "---\ntitle: B\nurl: /old\naliases: [/blog/a]\n---\n")
    imported = Imported(tmp_path / "site")
    assert (imported.posts["a"].aliases, imported.posts["b"].aliases) == (("/old/",), ())
    assert imported.notes("b.md") == [
        "left out: the old address /old, which another post has",
        "left out: the old address /blog/a, which another post has",
    ]


def test_translations_by_file_name_have_their_language_and_their_address(tmp_path: Path):
    put(tmp_path, "site/hugo.toml", "[languages.en]\n[languages.fr]\n[languages.zh-cn]\n")
    for folder in ("", "one/", "two/"):
        for lang in ("", ".fr", ".zh-cn"):
            name = f"{'index' if folder else '_index'}{lang}.md"
            put(
                tmp_path,
                f"site/content/posts/{folder}{name}",
                f"---\ntitle: {folder}{lang} T\n---\n",
            )
    put(tmp_path, "site/content/posts/flat.fr.md", "---\ntitle: F\nslug: plat\n---\n")
    put(tmp_path, "site/content/posts/own.en.md", "---\ntitle: O\n---\n")
    put(tmp_path, "site/content/posts/v1.0.md", "---\ntitle: V\n---\n")
    imported = Imported(tmp_path / "site")
    kinds = imported.kinds()
    assert {n for n, kind in kinds.items() if kind != "imported"} == {
        f"content/posts/_index{lang}.md" for lang in ("", ".fr", ".zh-cn")
    }
    assert {post_id: (post.lang, post.aliases) for post_id, post in imported.posts.items()} == {
        "one": ("", ("/posts/one/",)),
        "one.fr": ("fr", ("/fr/posts/one/",)),
        "one.zh-cn": ("zh-cn", ("/zh-cn/posts/one/",)),
        "two": ("", ("/posts/two/",)),
        "two.fr": ("fr", ("/fr/posts/two/",)),
        "two.zh-cn": ("zh-cn", ("/zh-cn/posts/two/",)),
        "plat": ("fr", ("/fr/posts/plat/",)),
        "own": ("", ("/posts/own/",)),
        "v1.0": ("", ("/posts/v1.0/",)),
    }


def test_translations_by_folder_are_told_apart_by_their_language(tmp_path: Path):
    config = (
        '[languages.en]\ncontentDir = "content/en"\n[languages.de]\ncontentDir = "content/de"\n'
    )
    put(tmp_path, "site/hugo.toml", config)
    for lang in ("en", "de"):
        put(tmp_path, f"site/content/{lang}/posts/a.md", "---\ntitle: A\ndate: 2020-01-01\n---\n")
    posts = Imported(tmp_path / "site").posts
    assert {post_id: (post.lang, post.aliases) for post_id, post in posts.items()} == {
        "a": ("", ("/posts/a/",)),
        "a.de": ("de", ("/de/posts/a/",)),
    }


@pytest.mark.parametrize(
    ("written", "authors"),
    [
        (
            "Ada Lovelace, Grace Hopper and Mary Jackson",
            ("Ada Lovelace", "Grace Hopper", "Mary Jackson"),
        ),
        ("Ada and Grace", ("Ada", "Grace")),
        ("Ada Lovelace & Grace Hopper", ("Ada Lovelace", "Grace Hopper")),
        ("Lovelace, Ada", ("Lovelace, Ada",)),
        ("Ada Lovelace, PhD", ("Ada Lovelace, PhD",)),
        ("Mary Jackson, who measured", ("Mary Jackson, who measured",)),
        ("[Ada Lovelace](https://a.example), [Grace Hopper][g]", ("Ada Lovelace", "Grace Hopper")),
        ("Sandy Anderson", ("Sandy Anderson",)),
        ("王小明、李華", ("王小明、李華",)),
    ],
)
def test_an_author_s_text_may_be_several_names(
    tmp_path: Path, written: str, authors: tuple[str, ...]
):
    put(tmp_path, "site/a.md", f'---\ntitle: T\nauthor: "{written}"\n---\n')
    assert Imported(tmp_path / "site").posts["a"].authors == authors


def test_a_post_with_an_author_that_is_too_long_is_imported_and_told(tmp_path: Path):
    put(tmp_path, "site/a.md", f"---\ntitle: T\nauthor: {'Ada ' * 80}\n---\n")
    imported = Imported(tmp_path / "site")
    assert len(imported.posts["a"].authors[0]) <= 200
    (note,) = imported.notes("a.md")
    assert note.endswith("of 319 characters, expected at most 200")


def test_a_name_that_is_too_long_for_a_file_stays_the_address(tmp_path: Path):
    slug = "汉" * 150
    put(tmp_path, "site/a.md", f"---\ntitle: T\nslug: {slug}\n---\n")
    assert list(Imported(tmp_path / "site").posts) == [slug]
    assert Imported(tmp_path / "site").kinds() == {"a.md": "kept"}


def test_a_folder_may_be_named_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, "site/_config.yml", "title: T\n")
    put(tmp_path, "site/_posts/2020-01-02-a.md", "---\ntitle: A\n---\n")
    monkeypatch.chdir(tmp_path)
    (outcome,) = bring(find_site(Path("site/_posts")), tmp_path / "ours")
    assert outcome.kind == "imported"


def test_a_folder_without_posts_says_what_it_saw(tmp_path: Path):
    put(tmp_path, "site/hugo.toml", "")
    put(tmp_path, "site/content/a.txt", "Text.")
    with pytest.raises(
        ImportSourceError, match=r"found no posts: no file that ends in \.md, .*1 in"
    ):
        find_site(tmp_path / "site")


@pytest.mark.parametrize(
    ("config", "addresses"),
    [
        ("", ("/a.html", "/a-fr.html")),
        ("ARTICLE_URL = 'p/{slug}/'", ("/p/a/", "/p/a/")),
        (
            "ARTICLE_URL = 'p/{slug}/'\nARTICLE_LANG_URL = '{lang}/{date:%Y}/{slug}/'",
            ("/p/a/", "/fr/2020/a/"),
        ),
        ("DEFAULT_LANG = 'fr'\nARTICLE_LANG_URL = '{lang}/{slug}'", ("/en/a", "/a.html")),
    ],
)
def test_pelican_s_posts_in_another_language_have_another_address(
    tmp_path: Path, config: str, addresses: tuple[str, str]
):
    for lang, address in zip(("en", "fr"), addresses, strict=True):
        put(tmp_path, f"{lang}/pelicanconf.py", f"SITEURL = 'https://a.example'\n{config}\n")
        put(tmp_path, f"{lang}/content/a.md", f"Title: A\nDate: 2020-01-02\nLang: {lang}\n\nX.\n")
        (post,) = Imported(tmp_path / lang, into=f"ours-{lang}").posts.values()
        assert post.aliases == (address,)


@pytest.mark.parametrize(
    ("name", "config", "feeds"),
    [
        ("_config.yml", "baseurl: /w", ("/w/feed.xml", "/w/atom.xml")),
        ("hugo.toml", 'baseURL = "https://a.example/w/"', ("/w/index.xml",)),
        ("pelicanconf.py", "PATH = '.'", ("/feeds/all.atom.xml",)),
        ("notes.txt", "", ()),
    ],
)
def test_a_site_s_feeds_are_known(tmp_path: Path, name: str, config: str, feeds: tuple[str, ...]):
    put(tmp_path, name, config)
    put(tmp_path, "_posts/2020-01-02-a.md" if name == "_config.yml" else "content/a.md", "# A\n")
    kind = "plain" if name == "notes.txt" else ""
    assert find_site(tmp_path, kind, "").feeds == feeds
