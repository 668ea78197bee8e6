"""beaker-db: Beaker's database cache, a whole namespace in one row. It is only looked at."""

from cache_studio.adapters.base import LOOKS, NOT_RECOGNISED, SQLITE_MARKS, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.options import Option, OptionKind

TABLE_OPTION = Option("table", OptionKind.TEXT, "Table", "Name of the cache table; the first one when left out.")


def recognise(sight: Sight) -> Recognition:
    """Sure by the columns where the values are pickles, or where the table has Beaker's own name."""
    if not sight.tables:
        return NOT_RECOGNISED
    from cache_studio.adapters.beaker_db.layout import TABLE, holds_pickles, is_cache_table
    from cache_studio.adapters.sqlite_open import read_rows

    for table in sight.tables.values():
        if is_cache_table(table) and (table.name == TABLE or holds_pickles(read_rows(sight.path, table.name, 3))):
            return Recognition(Certainty.SURE, {"table": table.name}, "Each row is a namespace of Beaker.")
    return NOT_RECOGNISED


FORMAT = Format(
    name="beaker-db",
    title="Beaker's database cache (read only)",
    options=(TABLE_OPTION,),
    recognise=recognise,
    adapter="cache_studio.adapters.beaker_db.adapter:BeakerDbAdapter",
    abilities=LOOKS,
    marks=SQLITE_MARKS,
)
