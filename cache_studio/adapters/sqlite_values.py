"""One stored cell of a row as a piece of an entry's payload: its head and its whole length."""

from collections.abc import Sequence

from cache_studio.adapters.base import require_found
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_open import Cell, Table, quoted
from cache_studio.adapters.sqlite_text import lengths_sql
from cache_studio.model.payload import Piece


def column_piece(
    database: Database,
    table: Table,
    column: str,
    place: tuple[str, Sequence[Cell]],
    max_bytes: int | None,
    *,
    name: str = "value",
    hint: str = "",
) -> Piece:
    """What `column` holds in the row at `place` (its WHERE expression and what to bind), cut at `max_bytes`.

    A blob or text with a rowid is read to where it is cut and no further. Without a hint a text says that it is one.
    EntryNotFound when there is no such row.
    """
    where, values = place
    cell = quoted(column)
    rowid = table.sql(table.rowid_name) if table.rowid_name else "NULL"
    found = database.rows(f"SELECT typeof({cell}), {rowid} FROM {quoted(table.name)} WHERE {where} LIMIT 1", values)
    require_found(found, "")
    kind, number = found[0]
    hint = hint or ("text" if kind == "text" else "")
    if kind in ("text", "blob") and isinstance(number, int):
        data, total = database.head(table.name, column, number, max_bytes)
        return Piece(name, data, total, hint)
    whole = f"CAST({cell} AS BLOB)"
    cut = whole if max_bytes is None else f"substr({whole}, 1, {int(max_bytes)})"
    sql = f"SELECT {cut}, {lengths_sql(cell)} FROM {quoted(table.name)} WHERE {where} LIMIT 1"
    rows = database.rows(sql, values)
    require_found(rows, "")
    data = rows[0][0] if isinstance(rows[0][0], bytes) else b""
    return Piece(name, data, int(rows[0][1] or 0), hint)
