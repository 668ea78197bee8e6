"""Which formats there are: all of the entry-point group `cache_studio.adapters`, bundled or a stranger's."""

from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cache_studio.adapters.base import Certainty, Format
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import BadRequest, WrongFormat

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "cache_studio.adapters"
"""The entry-point group; each entry names a `Format` object."""


@cache
def _entry_points() -> "dict[str, EntryPoint]":
    # Imported when a format is asked for: an application that imports the runtime may never open a cache.
    import tomllib
    from importlib.metadata import EntryPoint, entry_points

    found = {point.name: point for point in entry_points(group=GROUP)}
    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.is_file():
        # A checkout is not installed, so its own formats are in no metadata: the same table is read from its source.
        declared = tomllib.loads(project.read_text("utf-8")).get("project", {}).get("entry-points", {})
        for name, value in declared.get(GROUP, {}).items():
            found.setdefault(name, EntryPoint(name, value, GROUP))
    return found


def format_names() -> tuple[str, ...]:
    """The names of all formats; imports none of them."""
    return tuple(_entry_points())


@cache
def get_format(name: str) -> Format:
    """One format by name; BadRequest when there is none, with a hint when its module cannot be imported."""
    point = _entry_points().get(name)
    if point is None:
        raise BadRequest(f"There is no format “{name}”.", "Known formats: " + ", ".join(format_names()) + ".")
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise BadRequest(f"The format “{name}” cannot be loaded: {error}.", "Is its package installed?") from error
    if not isinstance(loaded, Format):
        raise BadRequest(f"The entry point “{name}” names no Format.", "It should be module:FORMAT.")
    return loaded


def all_formats() -> list[Format]:
    """Every format that can be loaded; a stranger's broken one hides no other."""
    loaded: list[Format] = []
    for name in format_names():
        with suppress(BadRequest):
            loaded.append(get_format(name))
    return loaded


def recognise(path: str) -> list[dict[str, object]]:
    """What every path format says of `path`, as `answers`. Call it in a child process."""
    return answers(Sight(path), all_formats())


def answers(sight: Sight, among: Collection[Format]) -> list[dict[str, object]]:
    """What these formats say of a place, surest first, the rest left out. Call it in a child process.

    Each answer: `format`, `certainty`, `options`, `note`, `places`. Raises WrongFormat for something that
    is neither file nor folder, CacheUnavailable never: a missing path is an empty list.
    """
    if sight.kind == "other":
        raise WrongFormat("This is neither a file nor a folder.", "Give a file, a folder or a URL.")
    if sight.kind == "missing":
        return []
    found = [(known, known.recognise(sight)) for known in among if not known.schemes]
    told: list[dict[str, object]] = [
        {
            "format": known.name,
            "certainty": said.certainty.value,
            "options": dict(said.options),
            "note": said.note,
            "places": list(said.places),
        }
        for known, said in found
        if said.certainty is not Certainty.NO
    ]
    return sorted(told, key=lambda answer: answer["certainty"] != Certainty.SURE)
