"""Posts of other publishers become posts of ours, each with its old address."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from blog.importing import ImportSourceError, find_site
from blog.importing.body import BodyConverter
from blog.importing.media import MediaFinder
from blog.importing.site import Site
from blog.importing.source import Source
from tests.posts.imported import Imported, bring, load, put

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "nodejs-blog"
OWN_CORPUS = Path(__file__).parent / "corpus"

NO_SITE = Site("plain", Path("nowhere"), Path("nowhere"), {})
NO_SOURCE = Source(Path("nowhere/a.md"), PurePosixPath("a.md"), {}, "", 1, "a", None)


JEKYLL_POST = """---
layout: post
title:  "Hello: world"
date:   2019-03-04 10:30:00 +0100
categories: news Deep
tags: [sky]
author: Ada
redirect_from: [/first, /?p=3]
last_modified_at: 2019-04-01
excerpt: In short.
---
Intro.
<!--more-->

{% highlight ruby linenos %}
puts "{{ not liquid }}"
{% endhighlight %}

See [the other]({% post_url 2020-01-02-other %}), ![a sky]({{ site.baseurl }}/img/sky.png)
and ![moon]({{ "/img/moon.png" | relative_url }}), `{{ code }}`.

{% include note.html text="--hi" %}
{% raw %}{{ kept }}{% endraw %}{% comment %}never{% endcomment %}

```
{% include in_code.html %}
```
"""


@pytest.fixture
def jekyll(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    put(site, "_config.yml", "title: Mine\nbaseurl: /weblog\ntimezone: Europe/Berlin\n")
    put(site, "_posts/2019-03-04-hello.md", JEKYLL_POST)
    put(site, "science/_posts/2020-01-02-other.markdown", "---\ntitle: Other\n---\nText.\n")
    put(site, "_posts/2020-05-05-at-noon.md", "---\ntitle: N\ndate: 2020-05-05 12:00\n---\n")
    put(site, "_posts/2021-01-01-pinned.md", "---\ntitle: P\npermalink: /pin.html\n---\n")
    put(site, "_posts/2021-01-02-off.md", "---\ntitle: O\npublished: false\n---\n")
    put(site, "_posts/2021-01-03-old.textile", "---\ntitle: T\n---\n")
    put(site, "_posts/2021-01-04-broken.md", "---\ntitle: a: b\n---\n")
    put(site, "_posts/2021-01-05-latin.md", b"---\ntitle: caf\xe9\n---\n")
    put(site, "_drafts/idea.md", "---\ntitle: Idea\n---\n")
    put(site, "about.md", "---\ntitle: A page\n---\n")
    put(site, "img/sky.png", b"sky")
    put(site, "img/moon.png", b"moon")
    return site


def test_a_jekyll_site_is_found_out_and_each_of_its_files_reported(jekyll: Path):
    imported = Imported(jekyll)
    assert imported.kind == "jekyll"
    assert imported.kinds() == {
        "_drafts/idea.md": "imported",
        "_posts/2019-03-04-hello.md": "imported",
        "_posts/2020-05-05-at-noon.md": "imported",
        "_posts/2021-01-01-pinned.md": "imported",
        "_posts/2021-01-02-off.md": "imported",
        "_posts/2021-01-03-old.textile": "left out",
        "_posts/2021-01-04-broken.md": "left out",
        "_posts/2021-01-05-latin.md": "left out",
        "science/_posts/2020-01-02-other.markdown": "imported",
        "about.md": "imported",
    }
    assert imported.notes("_posts/2021-01-03-old.textile") == ["it is Textile, not Markdown"]
    assert imported.notes("_posts/2021-01-04-broken.md")[0].startswith("line 2: broken YAML")
    assert imported.notes("_posts/2021-01-05-latin.md") == ["it is not in UTF-8"]


def test_a_jekyll_post_keeps_its_fields_and_its_old_addresses(jekyll: Path):
    imported = Imported(jekyll)
    post = imported.posts["hello"]
    assert (post.title, post.description, post.authors) == ("Hello: world", "In short.", ("Ada",))
    assert post.tags == ("sky", "news", "Deep")
    assert post.date == datetime(2019, 3, 4, 9, 30, tzinfo=UTC)
    assert post.updated == datetime(2019, 3, 31, 22, tzinfo=UTC)
    assert post.aliases == ("/weblog/news/deep/2019/03/04/hello.html", "/weblog/first")
    assert imported.posts["other"].aliases == ("/weblog/science/2020/01/02/other.html",)
    assert imported.posts["at-noon"].date == datetime(2020, 5, 5, 10, tzinfo=UTC)
    assert imported.posts["pinned"].aliases == ("/weblog/pin.html",)
    assert [p.id for p in imported.posts.values() if p.draft] == ["off", "idea"]


def test_liquid_becomes_markdown_or_a_comment_that_is_told(jekyll: Path):
    imported = Imported(jekyll)
    assert (
        imported.posts["hello"].body
        == """Intro.

```ruby
puts "{{ not liquid }}"
```

See [the other](/blog/other), ![a sky](sky.png)
and ![moon](moon.png), `{{ code }}`.

<!-- not imported: {% include note.html text="- -hi" %} -->
{{ kept }}

```
{% include in_code.html %}
```
"""
    )
    assert imported.notes("_posts/2019-03-04-hello.md") == [
        "left out: the old address /weblog/?p=3",
        "left out: layout",
        'line 22: left out: {% include note.html text="--hi" %}',
    ]


def test_pictures_are_copied_beside_the_post(jekyll: Path):
    imported = Imported(jekyll)
    folder = imported.folder / "hello"
    assert sorted(path.name for path in folder.iterdir()) == ["index.md", "moon.png", "sky.png"]
    assert (folder / "sky.png").read_bytes() == b"sky"
    assert (imported.folder / "other.md").is_file()


@pytest.mark.parametrize(
    ("style", "address"),
    [
        ("pretty", "/x/2020/01/02/a/"),
        ("ordinal", "/x/2020/002/a.html"),
        ("none", "/x/a.html"),
        ("/archive/:short_year/:i_month-:title_x/", "/archive/20/1-a_x/"),
    ],
)
def test_jekyll_s_styles_of_addresses(tmp_path: Path, style: str, address: str):
    put(tmp_path, "site/_config.yml", f"permalink: {style}\n")
    put(tmp_path, "site/_posts/2020-01-02-a.md", "---\ntitle: T\ncategory: x\n---\n")
    assert Imported(tmp_path / "site").posts["a"].aliases == (address,)


HUGO_TOML = """+++
title = "Erste Sterne"
date = 2020-02-03T10:00:00+01:00
lastmod = 2020-02-04
expiryDate = 3020-01-01
tags = ["sky", "night sky"]
categories = ["field notes"]
series = ["Stars"]
aliases = ["/very/old/", "beside"]
weight = 10
[params]
author = "Grace"
+++
{{< figure src="moon.jpg" alt="Moon" caption="The \\"moon\\"" >}}
{{< highlight go "linenos=table" >}}
fmt.Println("hi")
{{< /highlight >}}
[other]({{< relref "../posts/second.md#part" >}}) {{% ref "nowhere.md" %}}
{{< youtube dQw4w9WgXcQ >}} ![logo](/img/logo.svg) ![gone](/img/gone.png)
{{< note >}}A *note*{{< /note >}} {{</* x */>}}
"""


@pytest.fixture
def hugo(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    put(
        site,
        "hugo.toml",
        'baseURL = "https://old.example/b/"\n[permalinks]\nnews = "/:year/:slug/"\n',
    )
    put(site, "content/posts/First Stars/index.md", HUGO_TOML)
    put(site, "content/posts/First Stars/moon.jpg", b"moon")
    put(site, "content/posts/second.md", "---\ntitle: Second\ndraft: true\nurl: /2/\n---\nText.\n")
    put(site, "content/news/third.md", '{"title": "The Third", "date": "2021-05-06"}\nText.\n')
    put(site, "content/posts/_index.md", "---\ntitle: Posts\n---\n")
    put(site, "static/img/logo.svg", b"<svg/>")
    return site


def test_a_hugo_post_in_toml_keeps_its_fields_and_its_old_addresses(hugo: Path):
    imported = Imported(hugo)
    post = imported.posts["First-Stars"]
    assert imported.kind == "hugo"
    assert (post.title, post.authors, post.series) == ("Erste Sterne", ("Grace",), "Stars")
    assert post.tags == ("sky", "night sky", "field notes")
    assert (post.date, post.updated, post.expires) == (
        datetime(2020, 2, 3, 9, tzinfo=UTC),
        datetime(2020, 2, 4, tzinfo=UTC),
        datetime(3020, 1, 1, tzinfo=UTC),
    )
    assert post.aliases == ("/b/posts/first-stars/", "/b/very/old/", "/b/posts/beside")
    assert (imported.posts["second"].draft, imported.posts["second"].aliases) == (True, ("/b/2/",))
    assert imported.posts["third"].aliases == ("/b/2021/the-third/",)
    assert imported.kinds()["content/posts/_index.md"] == "left out"


def test_shortcodes_become_markdown_or_comments_that_are_told(hugo: Path):
    imported = Imported(hugo)
    assert (
        imported.posts["First-Stars"].body
        == """![Moon](moon.jpg "The 'moon'")
```go
fmt.Println("hi")
```
[other](/blog/second#part) /nowhere.md
<https://www.youtube.com/watch?v=dQw4w9WgXcQ> ![logo](logo.svg) ![gone](/img/gone.png)
<!-- not imported: {{< note >}} -->A *note*<!-- not imported: {{< /note >}} --> {{< x >}}
"""
    )
    assert imported.notes("content/posts/First Stars/index.md") == [
        "left out: weight",
        'line 18: no such post, now /nowhere.md: {{% ref "nowhere.md" %}}',
        "line 20: left out: {{< note >}}",
        "line 20: left out: {{< /note >}}",
        "the file /img/gone.png is not there",
    ]
    files = sorted(path.name for path in (imported.folder / "First-Stars").iterdir())
    assert files == ["index.md", "logo.svg", "moon.jpg"]


PELICAN_POST = """Title: My Super Post
Date: 2010-12-03 10:20
Modified: 2010-12-05
Category: Python
Tags: pelican, publishing tools
Authors: Alexis Metaireau, Conan Doyle
Summary: Short version
    on two lines
Status: hidden
Lang: de_DE

See [it]({filename}deep/second.md#x), ![me]({static}/images/me.png) and [tag]({tag}sky).
"""


def test_a_pelican_site(tmp_path: Path):
    site = tmp_path / "site"
    settings = "ARTICLE_URL = 'posts/{date:%Y}/{date:%b}/{slug}/'\nTIMEZONE = 'Europe/Paris'\n"
    put(site, "pelicanconf.py", settings + "import os\nPATH = 'content'\nSITEURL = ''\n")
    put(site, "content/first.md", PELICAN_POST)
    put(site, "content/deep/second.md", "Title: A second one\nDate: 2011-01-02\nSlug: two\n\nText.")
    put(site, "content/third.rst", "Third\n#####\n")
    put(site, "content/pages/about.md", "Title: About\n\nText.\n")
    put(site, "content/images/me.png", b"me")
    imported = Imported(site)
    assert imported.kind == "pelican"
    post = imported.posts["my-super-post"]
    assert (post.title, post.description) == ("My Super Post", "Short version on two lines")
    assert post.date == datetime(2010, 12, 3, 10, 20, tzinfo=ZoneInfo("Europe/Paris"))
    assert post.tags == ("pelican", "publishing tools", "Python")
    assert post.authors == ("Alexis Metaireau", "Conan Doyle")
    assert (post.lang, post.draft) == ("de-DE", True)
    assert post.aliases == ("/posts/2010/Dec/my-super-post/",)
    assert post.body == "See [it](/blog/two#x), ![me](me.png) and [tag](/tags/sky).\n"
    assert imported.notes("content/first.md") == ["status: hidden became draft: true"]
    assert imported.posts["two"].aliases == ("/posts/2011/Jan/two/",)
    assert imported.notes("content/third.rst") == ["it is reStructuredText, not Markdown"]
    assert imported.pages["about"].aliases == ("/pages/about.html",)


PELICAN_TAGS = """Title: Tags
Date: 2020-01-02

{% notebook x.ipynb cells[2:] %}
{% img right {static}/images/me.png 200 100 "Me, smiling" "A face" %} {% img /images/me.png Me %}
{% youtube dQw4w9WgXcQ 640 480 %} [Ada]({author}ada-lovelace) <a href="{author}ada">x</a>
{{ not liquid }} `{% img a.png %}`

```
{% notebook y.ipynb %}
```
"""


def test_pelican_s_liquid_tags_become_markdown_or_comments_that_are_told(tmp_path: Path):
    put(tmp_path, "site/pelicanconf.py", "PATH = 'content'\n")
    put(tmp_path, "site/content/a.md", PELICAN_TAGS)
    put(tmp_path, "site/content/images/me.png", b"me")
    imported = Imported(tmp_path / "site")
    assert (
        imported.posts["tags"].body
        == """<!-- not imported: {% notebook x.ipynb cells[2:] %} -->
![A face](me.png "Me, smiling") ![Me](me.png "Me")
<https://www.youtube.com/watch?v=dQw4w9WgXcQ> Ada <a href="/">x</a>
{{ not liquid }} `{% img a.png %}`

```
{% notebook y.ipynb %}
```
"""
    )
    assert imported.notes("content/a.md") == [
        "line 4: left out: {% notebook x.ipynb cells[2:] %}",
        "line 6: no such page, so no link: [Ada]({author}ada-lovelace)",
        "line 6: no such page, now /: {author}ada",
    ]


@pytest.mark.parametrize(
    ("config", "title", "address"),
    [
        ("", "Ærø, Łódź & Straße", "/aero-lodz-strasse.html"),
        ("", "Привет", None),
        ("SLUGIFY_USE_UNICODE = True", "Да, я", "/%D0%B4%D0%B0-%D1%8F.html"),
    ],
)
def test_a_pelican_address_is_made_of_the_title(
    tmp_path: Path, config: str, title: str, address: str | None
):
    put(tmp_path, "site/pelicanconf.py", f"{config}\n")
    put(tmp_path, "site/content/a.md", f"Title: {title}\nDate: 2020-01-02\n\nText.\n")
    imported = Imported(tmp_path / "site")
    (post,) = imported.posts.values()
    assert post.aliases == ((address,) if address else ())
    assert bool(imported.notes("content/a.md")) is (address is None)


HEXO_POST = """---
title: 你好
date: 2020/1/2 9:05:00
---
{% codeblock Hello lang:ruby %}
puts 1
{% endcodeblock %}
{% asset_img sky.png "The sky" %} {% img left /images/moon.png 20 %} {% post_link 其他 the other %}
[by file](其他.md#part) [none](none.md) {% include figure.html src="/images/moon.png" alt="Moon" %}
"""


def test_a_hexo_blog_is_imported_as_the_jekyll_like_one_that_it_is(tmp_path: Path):
    config = "root: /\nsource_dir: source\npermalink: :year/:month/:day/:title/\n"
    put(tmp_path, "site/_config.yml", config)
    put(tmp_path, "site/source/_posts/你好.md", HEXO_POST)
    put(tmp_path, "site/source/_posts/其他.md", "---\ntitle: O\ndate: 2020-01-01\n---\n")
    put(tmp_path, "site/source/_posts/你好/sky.png", b"sky")
    put(tmp_path, "site/source/images/moon.png", b"moon")
    imported = Imported(tmp_path / "site")
    post = imported.posts["你好"]
    assert post.aliases == ("/2020/01/02/%E4%BD%A0%E5%A5%BD/",)
    assert post.date == datetime(2020, 1, 2, 9, 5, tzinfo=UTC)
    other = "/blog/%E5%85%B6%E4%BB%96"
    assert post.body == (
        "```ruby\nputs 1\n```\n"
        f'![The sky](sky.png "The sky") ![](moon.png) [the other]({other})\n'
        f"[by file]({other}#part) [none](none.md) ![Moon](moon.png)\n"
    )
    assert imported.notes("source/_posts/你好.md") == []


def test_a_link_to_a_post_is_found_in_either_form_of_unicode(tmp_path: Path):
    put(tmp_path, "site/u\u0308ber.md", "---\ntitle: U\n---\n![p](bild-ü.png)\n")
    put(tmp_path, "site/bild-u\u0308.png", b"picture")
    put(tmp_path, "site/b.md", "---\ntitle: B\n---\n[x](über.md)\n")
    imported = Imported(tmp_path / "site")
    assert imported.posts["b"].body == "[x](/blog/%C3%BCber)\n"
    assert imported.notes("u\u0308ber.md") == []
    assert len(list((imported.folder / "über").iterdir())) == 2


def test_a_language_that_is_no_code_is_told(tmp_path: Path):
    put(tmp_path, "site/a.md", "---\ntitle: T\nlanguage: Russian\n---\n")
    imported = Imported(tmp_path / "site")
    assert imported.posts["a"].lang == ""
    assert imported.notes("a.md") == ['left out: the language, which is "Russian"']


def test_a_zola_link_finds_its_post(tmp_path: Path):
    put(tmp_path, "site/config.toml", 'base_url = "https://a.example"\n')
    put(tmp_path, "site/content/blog/one.md", "+++\ntitle = 'One'\n+++\n[2](@/blog/two.md#x)\n")
    put(tmp_path, "site/content/blog/two.md", "+++\ntitle = 'Two'\n+++\n")
    assert Imported(tmp_path / "site").posts["one"].body == "[2](/blog/two#x)\n"


def test_nimble_publisher_s_posts_keep_the_address_that_they_had(tmp_path: Path):
    post = '%{\n  title: "Hello",\n  author: "José",\n  tags: ~w(hello world),\n'
    post += '  description: "Let\'s learn"\n}\n---\nText.\n'
    put(tmp_path, "site/2020/04-17-hello.md", post)
    imported = Imported(tmp_path / "site")
    assert imported.kind == "nimble"
    assert (imported.folder / "hello.md").read_text() == (
        "---\ntitle: Hello\ndescription: Let's learn\ndate: 2020-04-17\nauthors: [José]\n"
        "tags: [hello, world]\n---\n\nText.\n"
    )


def test_nothing_that_exists_is_overwritten(tmp_path: Path):
    for name in ("a", "b", "c", "d"):
        put(tmp_path, f"site/{name}.md", f"---\ntitle: New {name}\n---\n")
    put(tmp_path, "ours/a.md", "---\ntitle: Old a\n---\n")
    put(tmp_path, "ours/deep/2020-01-01-b.md", "---\ntitle: Old b\ndraft: true\n---\n")
    put(tmp_path, "ours/c/index.md", "---\ntitle: Old c\n---\n")
    imported = Imported(tmp_path / "site")
    assert imported.kinds() == {"a.md": "kept", "b.md": "kept", "c.md": "kept", "d.md": "imported"}
    titles = {post_id: post.title for post_id, post in imported.posts.items()}
    assert titles == {"a": "Old a", "b": "Old b", "c": "Old c", "d": "New d"}
    again = Imported(tmp_path / "site")
    assert set(again.kinds().values()) == {"kept"}


@pytest.mark.parametrize("name", ["a.md", "a.markdown", "a/index.md"])
def test_a_broken_post_of_ours_is_not_overwritten_either(tmp_path: Path, name: str):
    put(tmp_path, "site/a.md", "---\ntitle: New\n---\n")
    kept = put(tmp_path, f"ours/{name}", "---\ntitle: Old: a\n---\n")
    (outcome,) = bring(find_site(tmp_path / "site"), tmp_path / "ours")
    assert outcome.kind == "kept"
    assert kept.read_text() == "---\ntitle: Old: a\n---\n"
    assert [path for path in (tmp_path / "ours").rglob("*.*") if path.is_file()] == [kept]


def test_of_two_posts_with_one_id_the_second_is_left_out(tmp_path: Path):
    put(tmp_path, "site/2019/a.md", "---\ntitle: One\n---\n")
    put(tmp_path, "site/2020/a.md", "---\ntitle: Two\n---\n")
    imported = Imported(tmp_path / "site")
    assert imported.kinds() == {"2019/a.md": "imported", "2020/a.md": "left out"}
    assert imported.posts["a"].title == "One"


def test_a_post_that_would_be_a_fault_is_left_out(tmp_path: Path):
    put(tmp_path, "site/b.md", "---\ntitle: T\nlang: German language\n---\n")
    put(tmp_path, "site/c.md", "---\nmood: calm\n---\n")
    imported = Imported(tmp_path / "site")
    assert set(imported.kinds().values()) == {"left out"}
    assert imported.notes("c.md")[0].startswith("title: found none")


def test_a_date_that_cannot_be_read_is_left_out_and_told(tmp_path: Path):
    put(tmp_path, "site/a.md", "---\ntitle: T\ndate: last spring\nlastmod: soon\n---\n")
    imported = Imported(tmp_path / "site")
    assert imported.posts["a"].date is None
    assert imported.notes("a.md") == [
        'left out: date, which is "last spring"',
        'left out: lastmod, which is "soon"',
    ]


def test_nothing_outside_of_the_site_is_copied(tmp_path: Path):
    put(tmp_path, "secret.png", b"secret")
    put(tmp_path, "site/a.md", "# T\n\n![1](../secret.png) ![2](link.png) ![3](/../secret.png)\n")
    (tmp_path / "site" / "link.png").symlink_to(tmp_path / "secret.png")
    imported = Imported(tmp_path / "site")
    assert [path.name for path in imported.folder.iterdir()] == ["a.md"]
    assert len(imported.notes("a.md")) == 3


def test_two_pictures_of_one_name_get_two_names(tmp_path: Path):
    body = "# T\n\n![](x/p.png) ![](y/p.png) ![](x/p.png)\n\n[r]: y/p.png\n\n<img src='x/p.png'>\n"
    put(tmp_path, "site/a.md", body)
    put(tmp_path, "site/x/p.png", b"x")
    put(tmp_path, "site/y/p.png", b"y")
    imported = Imported(tmp_path / "site")
    assert imported.posts["a"].body == (
        "# T\n\n![](p.png) ![](p-2.png) ![](p.png)\n\n[r]: p-2.png\n\n<img src='p.png'>\n"
    )
    assert (imported.folder / "a" / "p-2.png").read_bytes() == b"y"


def test_a_pattern_that_cannot_be_told_is_told(tmp_path: Path):
    put(tmp_path, "site/a.md", "---\ntitle: T\n---\n")
    for number, pattern in enumerate(("/:year/:slug/", "/:unknown/:slug/")):
        imported = Imported(tmp_path / "site", address=pattern, into=f"ours-{number}")
        assert imported.posts["a"].aliases == ()
        assert imported.notes("a.md") == [
            "left out: its old address, which the site's pattern does not tell"
        ]


def test_what_is_only_told_is_not_written(jekyll: Path):
    ours = jekyll.parent / "ours"
    outcomes = bring(find_site(jekyll), ours, only_tell=True)
    assert [outcome.kind for outcome in outcomes].count("imported") == 7
    assert not ours.exists()


@pytest.mark.parametrize("name", ["notes.txt", ".hidden.md"])
def test_a_folder_without_posts_is_refused(tmp_path: Path, name: str):
    put(tmp_path, f"site/{name}", "Text.\n")
    with pytest.raises(ImportSourceError, match="found no posts"):
        find_site(tmp_path / "site")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_config.yml", "a: b: c"),
        ("hugo.toml", "a ="),
        ("pelicanconf.py", "def ("),
    ],
)
def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str):
    put(tmp_path, f"site/{name}", text)
    put(tmp_path, "site/content/a.md", "---\ntitle: T\n---\n")
    with pytest.raises(ImportSourceError, match=name):
        find_site(tmp_path / "site")


@pytest.mark.parametrize("setting", ['baseURL = "https://[x/"', 'contentDir = "\\u0000"'])
def test_settings_that_cannot_be_used_are_told(tmp_path: Path, setting: str):
    put(tmp_path, "site/hugo.toml", setting)
    put(tmp_path, "site/content/a.md", "---\ntitle: T\n---\n")
    with pytest.raises(ImportSourceError, match="its settings cannot be used"):
        find_site(tmp_path / "site")


def test_no_folder_outside_of_the_site_is_read(tmp_path: Path):
    put(tmp_path, "site/hugo.toml", 'contentDir = "../other"\n[languages.fr]\ncontentDir = "fr"\n')
    put(tmp_path, "other/a.md", "---\ntitle: T\n---\n")
    put(tmp_path, "site/fr/b.md", "---\ntitle: T\n---\n")
    assert list(Imported(tmp_path / "site").outcomes) == ["fr/b.md"]


@pytest.mark.parametrize("kind", ["jekyll", "hugo", "pelican"])
@pytest.mark.parametrize(
    "opening",
    [
        "`",
        "```\n",
        "{% raw %}",
        "{% codeblock %}",
        "](a.m",
        "{% img ",
        "[a]({author}",
        "{% highlight a %}",
        "{% comment %}",
        "{{< ",
        "{{",
        "[a",
        "src='",
    ],
)
def test_what_is_never_closed_takes_no_time(kind: str, opening: str):
    began = time.process_time()
    converter = BodyConverter(kind, opening * 3000, 1, lambda name: None)
    MediaFinder(NO_SITE, NO_SOURCE).rewrite(converter.convert())
    assert time.process_time() - began < 1


def test_every_post_of_the_corpus_is_imported_as_it_is(tmp_path: Path):
    """The 379 real ones where they lie beside the checkout, else our own few: never none."""
    folder, count = (CORPUS, 379) if CORPUS.is_dir() else (OWN_CORPUS, 3)
    site = find_site(folder, address="/en/blog/:path")
    outcomes = bring(site, tmp_path / "ours")
    assert [outcome.kind for outcome in outcomes] == ["imported"] * count
    before, after = load(folder).index, load(tmp_path / "ours").index
    assert after.faults == ()
    assert [post.id for post in after.posts] == [post.id for post in before.posts]
    for old, new in zip(before.posts, after.posts, strict=True):
        assert (new.title, new.date) == (old.title, old.date)
        # “Matteo Collina and Joyee Cheung” of one text are two.
        names = re.split(r", | and | & ", ", ".join(old.authors))
        assert new.authors == tuple(filter(None, names))
        assert set(old.tags) == set(new.tags)
        assert new.body.strip() == old.body.strip()
        place = old.path.relative_to(folder).with_suffix("").as_posix().removesuffix("/index")
        assert new.aliases == (f"/en/blog/{place}",)


@pytest.mark.parametrize(
    ("config", "name", "title"),
    [
        ("_config.yml", "_posts/2020-01-02-my-first_post.md", "My First Post"),
        ("hugo.toml", "content/posts/my-first-post.md", "My first post"),
        ("hugo.toml", "content/posts/my-first-post/index.md", "My first post"),
        ("package.json", "posts/写真1.md", "写真1"),
    ],
)
def test_a_text_without_a_title_gets_one_of_its_name(
    tmp_path: Path, config: str, name: str, title: str
):
    put(tmp_path, f"site/{config}", "{}" if config.endswith("json") else "")
    put(tmp_path, f"site/{name}", "---\ndate: 2020-01-02\n---\nText.\n")
    imported = Imported(tmp_path / "site", "" if config != "package.json" else "plain")
    (post,) = imported.posts.values()
    assert post.title == title
    assert any(
        "made of the name" in note for one in imported.outcomes.values() for note in one.notes
    )


def test_a_text_without_a_title_and_without_a_text_is_left_out(tmp_path: Path):
    put(tmp_path, "site/hugo.toml", "")
    put(tmp_path, "site/content/posts/a.md", "---\ndate: 2020-01-02\n---\n")
    put(tmp_path, "site/content/posts/b.md", "---\ndate: 2020-01-02\n---\n# Its title\n\nText.\n")
    imported = Imported(tmp_path / "site")
    assert [post.title for post in imported.posts.values()] == ["Its title"]
