"""How the tables of sqlitedict look."""

from collections.abc import Mapping

from cache_studio.adapters.sqlite_open import Column, Table

USUAL_TABLE = "unnamed"
"""Where the application names none."""
_COLUMNS = (Column("key", "TEXT", 1), Column("value", "BLOB", 0))


def tables_as_made(tables: Mapping[str, Table]) -> list[str]:
    """The tables that are exactly as the library makes them, its usual one first; none beside other tables."""
    found = sorted(name for name, table in tables.items() if table.columns == _COLUMNS)
    if len(found) < len(tables):
        return []
    return sorted(found, key=lambda name: name != USUAL_TABLE)
