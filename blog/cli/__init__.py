"""The blog's own commands, `flask posts …`, `flask desk …` and `flask doctor`."""

from blog.cli.desk import desk_cli
from blog.cli.doctor import doctor
from blog.cli.posts import posts_cli

__all__ = ["desk_cli", "doctor", "posts_cli"]
