"""What a cache of CacheControl looks like from outside: folders by the first five digits of a hash, then the entry."""

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.cachecontrol.layout import DIGITS, LEVELS, MAGIC, NAME
from cache_studio.adapters.sight import Sight

_PIP = ("http-v2", "http")
_MOST_LOOKS = 60


def recognise(sight: Sight) -> Recognition:
    """Sure by one entry in its place; pip's folder leads to the two caches in it."""
    if _holds_entry(sight):
        return Recognition(Certainty.SURE, note="The URLs are not stored, only their hashes.")
    places = tuple(sight.below(name).path for name in _PIP if name in sight.folders and _holds_entry(sight.below(name)))
    return Recognition(Certainty.SURE, note="pip's cache of responses.", places=places) if places else NOT_RECOGNISED


def _holds_entry(root: Sight) -> bool:
    """Look for one entry, depth first: folders stay when their entries are gone."""
    waiting = [(root, "")]
    for _look in range(_MOST_LOOKS):
        if not waiting:
            return False
        folder, digits = waiting.pop()
        if len(digits) < LEVELS:
            found = [name for name in folder.folders if name in DIGITS]
            waiting += [(folder.below(name), digits + name) for name in reversed(found)]
            continue
        for name in folder.files:
            if NAME.fullmatch(name) and name.startswith(digits):
                return folder.below(name).head.startswith(MAGIC)
    return False
