"""hishel-0: HTTP responses that hishel 0.1 keeps in SQLite."""

from cache_studio.adapters.base import CHANGES, SQLITE_MARKS, Format, Recognition
from cache_studio.adapters.mapping import TTL_OPTION
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """What `hishel_0.recognise` says; imported when it is needed."""
    from cache_studio.adapters.hishel_0.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="hishel-0",
    title="HTTP responses of hishel 0.1 (SQLite)",
    options=(TTL_OPTION,),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.hishel_0.adapter:Hishel0Adapter",
    abilities=CHANGES,
)
