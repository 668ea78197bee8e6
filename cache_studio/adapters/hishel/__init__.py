"""hishel: HTTP responses that hishel 2 keeps in SQLite."""

from cache_studio.adapters.base import SETS_TTL, SQLITE_MARKS, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability


def recognise(sight: Sight) -> Recognition:
    """What `hishel.recognise` says; imported when it is needed."""
    from cache_studio.adapters.hishel.layout import COLUMNS
    from cache_studio.adapters.hishel.recognise import recognise_entries

    return recognise_entries(sight, COLUMNS)


FORMAT = Format(
    name="hishel",
    title="HTTP responses of hishel 2 (SQLite)",
    options=(),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.hishel.adapter:HishelAdapter",
    abilities=SETS_TTL | {Ability.ACCESS_TIMES},
)
