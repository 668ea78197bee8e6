"""What a database of hishel 0.1 looks like from outside: its table could be anybody's, its values are not."""

from cache_studio.adapters.base import Certainty, Recognition
from cache_studio.adapters.hishel.recognise import recognise_database
from cache_studio.adapters.hishel_0.layout import COLUMNS, TABLE, begins_as_json
from cache_studio.adapters.sight import Sight
from cache_studio.adapters.sqlite_open import read_rows

_SAMPLES = 3


def recognise(sight: Sight) -> Recognition:
    """Sure where the table's first values are responses, look where it has the columns alone."""
    return recognise_database(sight, _certainty)


def _certainty(database: Sight) -> Certainty:
    table = database.tables.get(TABLE)
    if table is None or set(table.names) != COLUMNS:
        return Certainty.NO
    values = [row["data"] for row in read_rows(database.path, TABLE, _SAMPLES)]
    heads = [value if isinstance(value, bytes) else str(value).encode("utf-8", "replace") for value in values]
    responses = [begins_as_json(head) or (head[:1] == b"\x80" and b"httpcore" in head) for head in heads]
    return Certainty.SURE if responses and all(responses) else Certainty.LOOK
