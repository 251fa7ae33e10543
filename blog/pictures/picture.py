"""What is known of one picture file."""

from __future__ import annotations

from dataclasses import dataclass

# What a browser shows and a camera or a program writes; SVG is a drawing, and is sent as it is.
SUFFIXES = (".avif", ".gif", ".jpeg", ".jpg", ".png", ".webp")


@dataclass(frozen=True, slots=True)
class Picture:
    """A file by its content: its size in pixels as it is shown, and the widths of its copies.

    `digest` names the content; `width` and `height` are 0 where nobody can tell. `problem` is why
    there are no copies: "broken", "huge" or "moving", empty for none. `is_original_shown` is where
    the original stands for the widest copy, which would be no smaller.
    """

    digest: str
    width: int = 0
    height: int = 0
    widths: tuple[int, ...] = ()
    is_original_shown: bool = False
    problem: str = ""


def is_picture(name: str) -> bool:
    """Tell by its name whether copies of a file may be made."""
    return name.lower().endswith(SUFFIXES)
