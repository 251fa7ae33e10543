"""Pages of other publishers become pages of ours, each with its old address."""

from __future__ import annotations

from pathlib import Path

from tests.posts.imported import Imported, put


def test_pages_of_jekyll_are_what_is_beside_its_folders(tmp_path: Path):
    site = tmp_path / "site"
    put(site, "_config.yml", "title: Mine\n")
    put(site, "_posts/2020-01-02-a.md", "---\ntitle: A\n---\n")
    put(site, "about.md", "---\ntitle: About\n---\n![x](/img/a.png)\n")
    put(site, "law/terms.md", "---\ntitle: Terms\npermalink: /legal/impressum/\n---\n")
    put(site, "tags.md", "---\ntitle: All tags\n---\n")
    put(site, "plain.md", "No front matter.\n")
    put(site, "README.md", "# Mine\n")
    put(site, "node_modules/x/y.md", "---\ntitle: Y\n---\n")
    put(site, "img/a.png", b"picture")
    imported = Imported(site)
    assert {page.id: page.aliases for page in imported.pages.values()} == {
        "about": ("/about.html",),
        "impressum": ("/legal/impressum/",),
    }
    assert [*imported.posts] == ["a"]
    assert imported.outcomes["about.md"].target == tmp_path / "ours-pages" / "about" / "index.md"
    assert imported.notes("tags.md") == ["the blog has /tags itself; give the page another slug"]
    assert imported.notes("plain.md") == ["it has no front matter, so it was no page"]
    assert imported.kinds()["README.md"] == "left out"
    assert "node_modules/x/y.md" not in imported.outcomes


def test_pages_of_hugo_are_beside_its_sections(tmp_path: Path):
    site = tmp_path / "site"
    put(site, "hugo.toml", 'title = "Mine"\n')
    put(site, "content/posts/a.md", "---\ntitle: A\n---\n")
    put(site, "content/about.md", "---\ntitle: About\nmenu: main\nweight: 20\n---\n")
    put(
        site,
        "content/imprint/index.md",
        "---\ntitle: Imprint\naliases: [/law]\nmenu: {main: {}}\n---\n",
    )
    put(site, "content/_index.md", "---\ntitle: Home\n---\n")
    imported = Imported(site)
    assert {page.id: (page.menu, page.aliases) for page in imported.pages.values()} == {
        "about": (20, ()),
        "imprint": (1, ("/law",)),
    }
    assert [*imported.posts] == ["a"]
    assert imported.notes("content/about.md") == []


def test_without_sections_all_texts_of_hugo_are_posts(tmp_path: Path):
    site = tmp_path / "site"
    put(site, "hugo.toml", 'title = "Mine"\n')
    put(site, "content/a.md", "---\ntitle: A\n---\n")
    imported = Imported(site)
    assert ([*imported.posts], imported.pages) == (["a"], {})


def test_pages_of_hexo_are_folders_of_its_source(tmp_path: Path):
    site = tmp_path / "site"
    put(site, "_config.yml", "title: Mine\nsource_dir: source\npermalink: :year/:title/\n")
    put(site, "source/_posts/a.md", "---\ntitle: A\ndate: 2020-01-02\n---\n")
    put(site, "source/about/index.md", "---\ntitle: About\n---\n")
    imported = Imported(site)
    assert [*imported.pages] == ["about"]
    assert [*imported.posts] == ["a"]


def test_a_zola_site_keeps_its_addresses_and_what_stays_out_is_named(tmp_path: Path):
    site = tmp_path / "site"
    put(site, "config.toml", 'base_url = "https://a.example/w"\n[languages.fr]\n')
    front = "title = 'Hello'\naliases = ['old']\n[taxonomies]\ntags = ['a']\n[extra]\nmood = 1\n"
    body = '{{ youtube(id="abc") }} {% quote(by="x") %}Text{% end %} [b](@/blog/b.md)\n'
    put(site, "content/blog/2020-01-02-hello.md", f"+++\n{front}+++\n{body}")
    put(site, "content/blog/b.fr.md", "+++\ntitle = 'B'\npath = 'salut'\n+++\n")
    put(site, "content/blog/c.fr.md", "+++\ntitle = 'C'\n+++\n")
    put(site, "content/about.md", "+++\ntitle = 'About'\n+++\n")
    imported = Imported(site)
    assert imported.kind == "zola"
    assert {post.id: post.aliases for post in imported.posts.values()} == {
        "hello": ("/w/blog/hello/", "/w/old"),
        "b.fr": ("/w/salut",),
        "c.fr": ("/w/fr/blog/c/",),
    }
    assert [*imported.pages] == ["about"]
    post = imported.posts["hello"]
    assert (post.tags, post.date is not None) == (("a",), True)
    assert post.body.startswith("<https://www.youtube.com/watch?v=abc> <!-- not imported:")
    assert imported.notes("content/blog/2020-01-02-hello.md") == [
        "left out: mood",
        'line 9: left out: {% quote(by="x") %}',
        "line 9: left out: {% end %}",
    ]
