"""The commands of the blog: `flask posts …`, `flask presence …` and `flask doctor`."""

from blog.cli.doctor import doctor
from blog.cli.posts import posts_cli
from blog.cli.presence import presence_cli

__all__ = ["doctor", "posts_cli", "presence_cli"]
