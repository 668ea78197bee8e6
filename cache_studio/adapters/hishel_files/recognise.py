"""What a folder of hishel 0.1 looks like from outside: names that are hashes, and responses in them."""

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.hishel_0.layout import NAME, begins_as_json, serializer_of
from cache_studio.adapters.sight import Sight

_SAMPLES = 8
_MARK = ".gitignore"
_MARK_TEXT = b"created by Hishel"


def recognise(sight: Sight) -> Recognition:
    """Sure by the responses, or where the library marked the folder and its values are pickles."""
    names = [name for name in sight.files if NAME.fullmatch(name)]
    if not names:
        return NOT_RECOGNISED
    samples = names[:: max(1, len(names) // _SAMPLES)][:_SAMPLES]
    heads = [head for name in samples if (head := sight.below(name).head)]
    responses = sum(begins_as_json(head) for head in heads)
    marked = _MARK in sight.files and _MARK_TEXT in sight.below(_MARK).head[:200]
    pickles = sum(serializer_of(head) == "pickle" and b"httpcore" in head[:1000] for head in heads)
    fits = (responses + (pickles if marked else 0)) * 2 > len(heads)
    return Recognition(Certainty.SURE, note="Its TTL is not stored.") if heads and fits else NOT_RECOGNISED
