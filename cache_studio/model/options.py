"""Options of a format: one declared table becomes query parameters, dialog fields, profile keys and help."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cache_studio.model.errors import BadRequest
from cache_studio.model.units import parse_duration, parse_size


class OptionKind(StrEnum):
    """How the text of an option is read and which field the attach dialog shows for it."""

    TEXT = "text"
    NAME = "name"
    """The name of a field or column inside the cache; the dialog offers those that were found."""
    DURATION = "duration"
    SIZE = "size"
    NUMBER = "number"
    CHOICE = "choice"


OptionValue: TypeAlias = str | float | int | None
"""A read option: text, seconds, bytes or number; None when not given and without default."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `name` is the query parameter and profile key, `title` and `help` are for people."""

    name: str
    kind: OptionKind
    title: str
    help: str
    default: str = ""
    """As a user would write it; "" means not set."""
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> OptionValue:
        """The value of `text`; raises BadRequest that names the option."""
        if text == "":
            return None
        try:
            match self.kind:
                case OptionKind.DURATION:
                    return math.inf if text == "none" else parse_duration(text)
                case OptionKind.SIZE:
                    return parse_size(text)
                case OptionKind.NUMBER:
                    return _number(text)
                case OptionKind.CHOICE if text not in self.choices:
                    raise BadRequest(f"“{text}” is not one of its values.", "Use " + ", ".join(self.choices) + ".")
                case _:
                    return text
        except BadRequest as error:
            raise BadRequest(f"Option {self.name}: {error.message}", error.hint) from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRequest(f"“{text}” is no number.", "Write it with digits.")
    return number


def read_options(declared: Iterable[Option], given: Mapping[str, str]) -> dict[str, OptionValue]:
    """A value for every declared option, given or default; raises BadRequest for an unknown name or a bad value."""
    table = {option.name: option for option in declared}
    for name in given:
        if name not in table:
            known = ", ".join(table) or "none"
            raise BadRequest(f"This format has no option “{name}”.", f"It has: {known}.")
    return {name: option.read(given.get(name, option.default)) for name, option in table.items()}
