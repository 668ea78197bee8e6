"""npm-cacache: the cache of npm and of what else keeps its content with cacache."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight

_FOLDERS = 8
"""How many folders are looked into, on each of two levels."""


def recognise(sight: Sight) -> Recognition:
    """Sure for a folder with an index of cacache whose first line is whole, or the folder above it."""
    from cache_studio.adapters.npm_cacache.layout import CACHE, INDEX, last_line

    for name in (CACHE, INDEX):
        if name in sight.folders:
            sight = sight.below(name)
    if sight.name != INDEX:
        return NOT_RECOGNISED
    for first in sight.folders[:_FOLDERS]:
        for second in sight.below(first).folders[:_FOLDERS]:
            place = sight.below(first).below(second)
            if any(last_line(place.below(name).head) is not None for name in place.files[:1]):
                return Recognition(
                    Certainty.SURE, {}, "The index of a cache that npm or another user of cacache keeps."
                )
    return NOT_RECOGNISED


FORMAT = Format(
    name="npm-cacache",
    title="npm's cache (cacache: an index and the content beside it)",
    options=(),
    recognise=recognise,
    adapter="cache_studio.adapters.npm_cacache.adapter:CacacheAdapter",
    abilities=CHANGES,
    marks=("*/_cacache",),
)
