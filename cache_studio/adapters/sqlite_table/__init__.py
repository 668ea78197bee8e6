"""Any SQLite table with a key column, by a mapping of its columns."""

from cache_studio.adapters.base import SETS_TTL, SQLITE_MARKS, Format, Recognition
from cache_studio.adapters.mapping import MAPPING_OPTIONS
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import Option, OptionKind

TABLE_OPTION = Option("table", OptionKind.TEXT, "Table", "Name of the table; guessed when left out.")


def recognise(sight: Sight) -> Recognition:
    """What `sqlite_table.guessing` says; imported when it is needed."""
    from cache_studio.adapters.sqlite_table.guessing import recognise as look

    return look(sight)


FORMAT = Format(
    name="sqlite-table",
    title="Any SQLite table with a key column",
    options=(TABLE_OPTION, *MAPPING_OPTIONS),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.sqlite_table.adapter:SQLiteTableAdapter",
    abilities=SETS_TTL | {Ability.ACCESS_TIMES},
    access="cache_studio.adapters.sqlite_table.access:SQLiteTableAccess",
)
