"""The blog's own commands, `flask posts …` and `flask doctor`."""

from blog.cli.doctor import doctor
from blog.cli.posts import posts_cli

__all__ = ["doctor", "posts_cli"]
