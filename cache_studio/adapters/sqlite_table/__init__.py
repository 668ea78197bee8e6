"""Any SQLite table with a key column, by a mapping of its columns."""

from cache_studio.adapters.base import Format
from cache_studio.adapters.mapping import MAPPING_OPTIONS
from cache_studio.adapters.sqlite_table.guessing import recognise
from cache_studio.model.options import Option, OptionKind

TABLE_OPTION = Option("table", OptionKind.TEXT, "Table", "Name of the table; guessed when left out.")

FORMAT = Format(
    name="sqlite-table",
    title="Any SQLite table with a key column",
    options=(TABLE_OPTION, *MAPPING_OPTIONS),
    recognise=recognise,
    adapter="cache_studio.adapters.sqlite_table.adapter:SQLiteTableAdapter",
)
