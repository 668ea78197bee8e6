"""sqlitedict: a dict in a table of a SQLite database."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.options import Option, OptionKind

TABLE_OPTION = Option("table", OptionKind.TEXT, "Table", "Name of the table; found when left out.")


def recognise(sight: Sight) -> Recognition:
    """A table as the library makes it whose values are pickles is one; any other values could be anybody's."""
    from cache_studio.adapters.pickle_heads import looks_pickled
    from cache_studio.adapters.sqlite_open import read_rows
    from cache_studio.adapters.sqlitedict.layout import tables_as_made

    if sight.kind != "file":
        return NOT_RECOGNISED
    found = tables_as_made(sight.tables)
    if not found:
        return NOT_RECOGNISED
    name = found[0]
    values = [row["value"] for row in read_rows(sight.path, name, 5)]
    others = f" It is one of {len(found)} such tables." if len(found) > 1 else ""
    if values and all(map(looks_pickled, values)):
        return Recognition(Certainty.SURE, {"table": name}, f"Table “{name}” of sqlitedict.{others}")
    note = f"Table “{name}” looks as sqlitedict makes it, its values do not.{others}"
    return Recognition(Certainty.LOOK, {"table": name}, note)


FORMAT = Format(
    name="sqlitedict",
    title="sqlitedict: a dict in a SQLite table",
    options=(TABLE_OPTION,),
    recognise=recognise,
    adapter="cache_studio.adapters.sqlitedict.adapter:SqlitedictAdapter",
    abilities=CHANGES,
)
