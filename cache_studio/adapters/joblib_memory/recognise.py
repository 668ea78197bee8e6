"""Whether a folder is that of a `joblib.Memory`: remembered functions with their source beside their calls."""

from collections.abc import Iterator

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.joblib_memory.layout import DEEPEST, FIRST_LINE, FOLDER, FUNCTION_CODE, OUTPUT, is_hash
from cache_studio.adapters.sight import Sight

FOLDERS = 40
"""How many folders are looked into."""


def recognise(sight: Sight) -> Recognition:
    """Sure where a function's source as joblib writes it lies beside a call: here, or below `joblib`."""
    if sight.kind != "folder":
        return NOT_RECOGNISED
    if FOLDER in sight.folders:
        places = _below(sight.below(FOLDER))
    elif sight.name == FOLDER:
        places = _below(sight)
    else:
        places = iter((sight,))
    for _number, place in zip(range(FOLDERS), places, strict=False):
        if _is_function(place):
            return Recognition(Certainty.SURE, {}, "The calls that a joblib.Memory remembers.")
    return NOT_RECOGNISED


def _below(sight: Sight, depth: int = DEEPEST) -> Iterator[Sight]:
    yield sight
    for name in sight.folders if depth else ():
        if not is_hash(name):
            yield from _below(sight.below(name), depth - 1)


def _is_function(sight: Sight) -> bool:
    if FUNCTION_CODE not in sight.files or not sight.below(FUNCTION_CODE).head.startswith(FIRST_LINE):
        return False
    calls = [name for name in sight.folders if is_hash(name)][:FOLDERS]
    return any(OUTPUT in sight.below(name).files for name in calls)
