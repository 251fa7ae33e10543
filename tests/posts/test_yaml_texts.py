"""Front matter of texts is read without YAML's constructor, and comes to the same."""

from __future__ import annotations

import pytest
import yaml

from blog.posts import yaml_lines
from blog.posts.yaml_lines import read_yaml

TEXTS = [
    "title: Hello\ndate: 2026-11-24\ntags: [a, 'b: c', \"d\"]\n",
    "title: >\n  folded\n  text\ndescription: |\n  two\n  lines\ntags:\n- a\n- b\n",
    "title: &name Hello\nseries: *name\n",
    "title: 1.10\nlang: no\naliases: []\nmood: !!str 5\n'quoted key': x\n",
]
OTHERS = [
    "title: Hello\ndraft: true\n",
    "title: Hello\nweight: 5\nmap: {a: b}\n",
    "title: Hello\nseen: 2026-11-24\nempty:\n",
    "base: &base {mood: fine}\n<<: *base\ntitle: Hello\n",
    "title: Hello\nlist: [a, [b], 1, null]\n5: five\n",
    "title: Hello\nset: !!set {a, b}\n",
]


@pytest.mark.parametrize("text", [*TEXTS, *OTHERS])
def test_values_and_lines_are_the_constructors(text, monkeypatch):
    values = read_yaml(text)
    monkeypatch.setattr(yaml_lines, "_read_texts", lambda node: None)
    assert values == read_yaml(text)


@pytest.mark.parametrize(
    ("text", "is_short"), [*((t, True) for t in TEXTS), *((t, False) for t in OTHERS)]
)
def test_only_texts_and_lists_of_texts_need_no_constructor(text, is_short, monkeypatch):
    used = []
    construct = yaml_lines._Loader.construct_document

    def note(loader, node):
        used.append(node)
        return construct(loader, node)

    monkeypatch.setattr(yaml_lines._Loader, "construct_document", note)
    read_yaml(text)
    assert bool(used) is not is_short


def test_a_constructor_that_fails_still_says_so():
    with pytest.raises(yaml.YAMLError):
        read_yaml("title: Hello\n? [a, b]\n: c\n")
