"""cachier: the pickle files in which remembered calls wait, all of a function in one or one each."""

from cache_studio.adapters.base import LOOKS, NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.mapping import TTL_OPTION
from cache_studio.adapters.sight import Sight

_LOOKED_AT = 40
"""How many files of a folder are looked at."""


def recognise(sight: Sight) -> Recognition:
    """Sure for a pickle of cachier's entries under a name of its kind, or a folder with one."""
    from cache_studio.adapters.cachier.layout import is_name, looks_like_entries

    names = [name for name in sight.files if is_name(name)][:_LOOKED_AT]
    files = [sight.below(name) for name in names] if sight.kind == "folder" else [sight] if is_name(sight.name) else []
    if any(looks_like_entries(file.head) for file in files):
        return Recognition(Certainty.SURE, {}, "Calls that cachier remembers; their lifetime is in the program.")
    return NOT_RECOGNISED


FORMAT = Format(
    name="cachier",
    title="cachier (pickles of remembered calls)",
    options=(TTL_OPTION,),
    recognise=recognise,
    marks=(".cachier",),
    adapter="cache_studio.adapters.cachier.adapter:CachierAdapter",
    abilities=LOOKS,
)
