"""What a hishel database looks like from outside, given as a file or as the folder that hishel makes for it."""

from collections.abc import Callable, Collection

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.hishel.layout import ENTRIES, STREAM_COLUMNS, STREAMS
from cache_studio.adapters.sight import Sight

_DATABASES = (".db", ".sqlite", ".sqlite3")
_MOST_DATABASES = 5


def recognise_entries(sight: Sight, columns: Collection[str]) -> Recognition:
    """Sure by the two tables and these columns of the first."""
    return recognise_database(sight, lambda database: _certainty(database, columns))


def recognise_database(sight: Sight, certainty: Callable[[Sight], Certainty]) -> Recognition:
    """What `certainty` says of the file, or of the databases in the folder."""
    if sight.kind == "file":
        return Recognition(certainty(sight))
    names = [name for name in sight.files if name.endswith(_DATABASES)][:_MOST_DATABASES]
    places = tuple(below.path for name in names if certainty(below := sight.below(name)) is Certainty.SURE)
    if not places:
        return NOT_RECOGNISED
    return Recognition(Certainty.SURE, note="The database lies in this folder.", places=places)


def _certainty(database: Sight, columns: Collection[str]) -> Certainty:
    entries, streams = database.tables.get(ENTRIES), database.tables.get(STREAMS)
    if entries is None or streams is None:
        return Certainty.NO
    fits = set(entries.names) == set(columns) and set(streams.names) == STREAM_COLUMNS
    return Certainty.SURE if fits else Certainty.NO
