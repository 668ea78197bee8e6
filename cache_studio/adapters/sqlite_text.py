"""Cells as text, and SQL about them. Imports no numpy: the runtime uses it too."""

from collections.abc import Sequence
from typing import cast

from cache_studio.adapters.sqlite_open import Cell


def lengths_sql(column: str) -> str:
    """SQL for the bytes of a column (already quoted) without loading blobs; 0 for NULL."""
    # Only a text has to be loaded: its length would be counted in characters.
    return (
        f"CASE typeof({column}) WHEN 'blob' THEN length({column}) WHEN 'null' THEN 0"
        f" ELSE length(CAST({column} AS BLOB)) END"
    )


def shown_keys(cells: Sequence[Cell]) -> list[str]:
    """Keys as text: bytes that are no UTF-8 survive, numbers as SQLite writes them."""
    if set(map(type, cells)) == {str}:
        return list(cast(Sequence[str], cells))
    return [shown_key(cell) for cell in cells]


def shown_key(cell: Cell) -> str:
    """One key as text; NULL is empty."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    return "" if cell is None else str(cell)
