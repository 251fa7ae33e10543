"""Task lists, as a reader gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.posts.markup.markdown import render_markdown
from blog.posts.model import Post


def render(body: str) -> str:
    """Render a body; line ends do not count."""
    post = Post(id="a", title="T", description="", date=None, path=Path("a.md"), body=body)
    return render_markdown(post).html.replace("\n", "")


def test_a_task_is_a_checkbox_that_its_text_names():
    assert render("- [x] done *well*\n- [ ] to do\n- no task") == (
        '<ul class="tasks">'
        '<li class="task"><label><input checked disabled type="checkbox"> done <em>well</em>'
        "</label></li>"
        '<li class="task"><label><input disabled type="checkbox"> to do</label></li>'
        "<li>no task</li></ul>"
    )


def test_only_the_first_paragraph_of_a_task_is_its_name():
    assert render("1. [X] a\n\n    more\n\n2. b") == (
        '<ol class="tasks"><li class="task">'
        '<p><label><input checked disabled type="checkbox"> a</label></p><p>more</p></li>'
        "<li><p>b</p></li></ol>"
    )


def test_tasks_in_tasks_have_lists_of_their_own():
    assert render("- [ ] a\n    - [x] b").count('<ul class="tasks">') == 2


@pytest.mark.parametrize("text", ["[y] a", "[ ]", "[x]a", "a [x] b", "[x](b) a", r"\[x] a"])
def test_what_is_no_task_stays_as_it_is(text: str):
    assert "checkbox" not in render(f"- {text}")
