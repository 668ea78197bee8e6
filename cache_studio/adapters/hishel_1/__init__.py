"""hishel-1: HTTP responses that hishel 1 keeps in SQLite."""

from cache_studio.adapters.base import CHANGES, SQLITE_MARKS, Format, Recognition
from cache_studio.adapters.mapping import TTL_OPTION
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """Sure by the tables and columns of this generation; imported when it is needed."""
    from cache_studio.adapters.hishel.layout import COLUMNS_1
    from cache_studio.adapters.hishel.recognise import recognise_entries

    return recognise_entries(sight, COLUMNS_1)


FORMAT = Format(
    name="hishel-1",
    title="HTTP responses of hishel 1 (SQLite)",
    options=(TTL_OPTION,),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.hishel_1.adapter:Hishel1Adapter",
    abilities=CHANGES,
)
