"""Templates and static files: the author's own before the theme's."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, nodes
from jinja2.exceptions import TemplateNotFound, TemplateSyntaxError

from blog.site_folder import overridden

log = logging.getLogger(__name__)

Source = tuple[str, str | None, Callable[[], bool] | None]

# By this prefix a template of the author's extends the one that it overrides.
PREFIX = "viblog"
_ENGINE = Path(__file__).parents[1]


def make_loader(site: Path | None, theme: str = "") -> BaseLoader:
    """Return a loader of the templates: a site's override the theme's of the same name.

    `viblog/post.html` is the theme's own, for `{% extends %}`.
    """
    *own, engine = map(FileSystemLoader, overridden(site, "templates", theme))
    checked = [_CheckedLoader(loader) for loader in own]
    return ChoiceLoader([*checked, engine, PrefixLoader({PREFIX: engine})])


class _CheckedLoader(BaseLoader):
    """The author's templates. One with a mistake is as if it were not there, and is logged."""

    def __init__(self, loader: FileSystemLoader) -> None:
        self._loader = loader

    def get_source(self, environment: Environment, template: str) -> Source:
        source, filename, is_fresh = self._loader.get_source(environment, template)
        try:
            environment.compile(source, template, filename, raw=True)
            extended = next(environment.parse(source).find_all(nodes.Extends), None)
            if extended is not None and extended.template == nodes.Const(template):
                found = f"it extends itself; the theme's is {PREFIX}/{template}"
                raise TemplateSyntaxError(found, extended.lineno, template, filename)
        except TemplateSyntaxError as error:
            log.error(
                "templates: found a mistake in %s, line %d: %s; the theme's own is used meanwhile",
                filename,
                error.lineno,
                str(error.message).rstrip("."),
            )
            raise TemplateNotFound(template) from error
        return source, filename, is_fresh

    def list_templates(self) -> list[str]:
        return self._loader.list_templates()


def find_mistake(error: BaseException) -> str:
    """Say where in a template an error is, and what; "" for one that is in no template.

    What happens in our own code, called by a template, is no mistake of the template's.
    """
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name}:{error.lineno}: {error.message}"
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        # Jinja puts the template's own lines into the traceback.
        if frame.filename.endswith(".html"):
            place = f"{frame.filename}:{frame.lineno}"
        elif Path(frame.filename).is_relative_to(_ENGINE):
            place = ""
    return f"{place}: {error}" if place else ""
