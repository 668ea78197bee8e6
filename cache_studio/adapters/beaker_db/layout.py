"""The table of Beaker's ext:database and ext:sqla."""

from collections.abc import Mapping, Sequence

from cache_studio.adapters.sqlite_open import Cell, Table

TABLE = "beaker_cache"
_COLUMNS = {"namespace", "accessed", "created", "data"}


def is_cache_table(table: Table) -> bool:
    """Whether Beaker could have made it; the values say whether it did."""
    kinds = {column.name: column.type.upper() for column in table.columns}
    return set(kinds) - {"id"} == _COLUMNS and kinds["data"] == "BLOB" and kinds["created"] == "DATETIME"


def holds_pickles(rows: Sequence[Mapping[str, Cell]]) -> bool:
    """Whether there are rows, each with a pickle in it."""
    values = [row["data"] for row in rows]
    return bool(values) and all(isinstance(value, bytes) and value[:1] == b"\x80" for value in values)
