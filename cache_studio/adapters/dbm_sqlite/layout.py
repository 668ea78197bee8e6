"""How dbm.sqlite3 lies in a database."""

from collections.abc import Mapping

from cache_studio.adapters.sqlite_open import Column, Table

TABLE = "Dict"
_COLUMNS = (Column("key", "BLOB", 0), Column("value", "BLOB", 0))


def is_dbm(tables: Mapping[str, Table]) -> bool:
    """Whether it is the only table, as the standard library makes it."""
    table = tables.get(TABLE)
    return table is not None and len(tables) == 1 and table.columns == _COLUMNS and table.unique == (("key",),)
