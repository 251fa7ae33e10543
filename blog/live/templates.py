"""The templates of what an open page is shown: `templates/live`, rendered without a request."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn, Self

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

_WORDS = ("live/words.html", "viblog/live/words.html")


class _Words:
    """The macros of some templates, each of the first that has it."""

    def __init__(self, *modules: Any) -> None:
        self._modules = modules

    def __getattr__(self, name: str) -> Any:
        found = (getattr(module, name, None) for module in self._modules)
        macro = next((one for one in found if one is not None), None)
        if macro is None:
            raise AttributeError(name)
        return macro


# Nothing that a template shows: a private-use character, and one that XML and HTML cannot have.
_MARK = "\ue000\x01"


class _Number(str):
    """Stands for a number in a frame that is rendered before there is one."""

    field: str

    def __new__(cls, field: str) -> Self:
        made = super().__new__(cls, f"{_MARK}|{field}{_MARK}")
        made.field = field
        return made

    def _refuse(self, other: object) -> NoReturn:
        raise TypeError("found a template that compares a number")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = str.__hash__


class _MarkingWords:
    """The macros, which leave a mark where they are asked for the words of a number."""

    def __init__(self, words: _Words) -> None:
        self._words = words

    def __getattr__(self, name: str) -> Any:
        macro = getattr(self._words, name)

        def write(*arguments: Any) -> Any:
            if len(arguments) == 1 and isinstance(arguments[0], _Number):
                return Markup(f"{_MARK}{name}|{arguments[0].field}{_MARK}")  # noqa: S704
            return macro(*arguments)

        return write


class _Plan(NamedTuple):
    """A rendered frame in pieces; in every other place a number, or a macro's words for one."""

    parts: tuple[str, ...]
    places: tuple[tuple[int, Any, str], ...]


class LiveTemplates:
    """The words and the events of the streams. `reloads` is whether what is saved is read anew."""

    def __init__(self, loader: BaseLoader, *, reloads: bool = False) -> None:
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            auto_reload=reloads,
            undefined=StrictUndefined,
        )
        self._words: _Words | None = None
        self._plans: dict[tuple[bool, str, bool], _Plan | None] = {}
        self.reloads = reloads

    @property
    def words(self) -> Any:
        """The macros of `live/words.html`: each returns HTML.

        A macro that an author's own file does not have is the theme's.
        """
        if self._words is None or self.reloads:
            modules = [self._environment.get_template(name).module for name in _WORDS]
            self._words = _Words(*modules)
        return self._words

    def frame(self, shown: Any, *, arrived: bool = False) -> str:
        """Return the data of the event that has every live element of a page: a `CountSnapshot`."""
        if shown.reads is not None or self.reloads:
            return self._render("frame", shown=shown, arrived=arrived)
        key = (shown.here is None, shown.state, arrived)
        if key not in self._plans:
            self._plans[key] = self._plan_frame(shown, arrived=arrived)
        plan = self._plans[key]
        if plan is None:
            return self._render("frame", shown=shown, arrived=arrived)
        parts = list(plan.parts)
        for place, macro, field in plan.places:
            number = getattr(shown, field)
            parts[place] = macro(number) if macro is not None else str(number)
        return "".join(parts)

    def _plan_frame(self, shown: Any, *, arrived: bool) -> _Plan | None:
        """Render a frame once, with marks for its numbers: each reader who comes has one.

        None for a template that does more with a number than to show it, or have words for it.
        """
        fields = {name: _Number(name) for name in ("total", "here")}
        if shown.here is None:
            del fields["here"]
        template = self._environment.get_template("live/frame.html")
        try:
            text = template.render(
                words=_MarkingWords(self.words), shown=shown._replace(**fields), arrived=arrived
            )
        except TypeError:
            return None
        parts = text.split(_MARK)
        places = []
        for place in range(1, len(parts), 2):
            name, _, field = parts[place].partition("|")
            places.append((place, getattr(self.words, name) if name else None, field))
        return _Plan(tuple(parts), tuple(places))

    def ping(self) -> str:
        """Return the data of the event that a quiet stream is alive."""
        return self._render("ping")

    def parked(self) -> str:
        """Return the data of the last event of a tab that shall stay away for now."""
        return self._render("parked")

    def updated(self, revision: str, path: str) -> str:
        """Return the data of the event that a post has another revision; "" if it is gone."""
        return self._render("updated", revision=revision, path=path)

    def _render(self, name: str, **context: object) -> str:
        template = self._environment.get_template(f"live/{name}.html")
        return template.render(words=self.words, **context)
