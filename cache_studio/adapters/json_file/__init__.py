"""json-file: all entries in one JSON object, rewritten whole at every save (S2)."""

from cache_studio.adapters.base import SETS_TTL, Format, Recognition
from cache_studio.adapters.json_file.layout import OPTIONS
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability


def recognise(sight: Sight) -> Recognition:
    """What `json_file.recognise` says; imported when it is needed."""
    from cache_studio.adapters.json_file.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="json-file",
    title="All entries in one JSON file",
    options=OPTIONS,
    recognise=recognise,
    marks=("*.json",),
    adapter="cache_studio.adapters.json_file.adapter:JsonFileAdapter",
    abilities=SETS_TTL | {Ability.ACCESS_TIMES},
    access="cache_studio.adapters.json_file.access:JsonFileAccess",
)
