"""What Django's database cache table looks like."""

from collections.abc import Iterable

from cache_studio.adapters.sqlite_open import Table

KEY, VALUE, EXPIRES = "cache_key", "value", "expires"
_COLUMNS = {KEY: "varchar(255)", VALUE: "text", EXPIRES: "datetime"}
NEVER = "9999-12-31 23:59:59"
"""What Django stores for an entry without a timeout, in whatever zone."""
NEVER_DAY = NEVER[:10]


def is_cache_table(table: Table) -> bool:
    """Whether `createcachetable` made it."""
    found = {column.name: column.type.lower() for column in table.columns}
    return found == _COLUMNS and [column.name for column in table.primary_key] == [KEY]


def others_of(tables: Iterable[Table]) -> list[str]:
    """The tables that belong to the site and not to its caches."""
    return sorted(table.name for table in tables if not is_cache_table(table))
