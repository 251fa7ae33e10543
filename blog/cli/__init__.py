"""The blog's own commands: `flask posts …`, `desk …`, `readers …`, `store …` and `doctor`."""

from blog.cli.desk import desk_cli
from blog.cli.doctor import doctor
from blog.cli.posts import posts_cli
from blog.cli.readers import readers_cli
from blog.cli.store import store_cli

__all__ = ["desk_cli", "doctor", "posts_cli", "readers_cli", "store_cli"]
