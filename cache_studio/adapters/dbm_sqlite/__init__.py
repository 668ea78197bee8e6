"""dbm.sqlite3 of Python 3.13 and later, also under a shelve."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """Sure by the one table `Dict`; pickles as values make it a shelve."""
    from cache_studio.adapters.dbm_sqlite.layout import TABLE, is_dbm
    from cache_studio.adapters.pickle_heads import looks_pickled
    from cache_studio.adapters.sqlite_open import read_rows

    if sight.kind != "file" or not is_dbm(sight.tables):
        return NOT_RECOGNISED
    values = [row["value"] for row in read_rows(sight.path, TABLE, 5)]
    shelved = bool(values) and all(map(looks_pickled, values))
    return Recognition(Certainty.SURE, {}, "A shelve in dbm.sqlite3." if shelved else "dbm.sqlite3.")


FORMAT = Format(
    name="dbm-sqlite",
    title="dbm.sqlite3 and shelve of Python 3.13 and later",
    options=(),
    recognise=recognise,
    adapter="cache_studio.adapters.dbm_sqlite.adapter:DbmSqliteAdapter",
    abilities=CHANGES,
)
