"""The columns of a diskcache's rows: what is selected of a row, and what it says as an entry."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.diskcache.layout import BINARY, PICKLE, RAW, TEXT, ValueFile
from cache_studio.adapters.sqlite_columns import numbers, stamps_of
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_rows import Row, Rows, entry_id_of
from cache_studio.adapters.sqlite_text import lengths_sql
from cache_studio.model.columns import STAMP_WIDTH, Floats
from cache_studio.model.identity import EntryId

IN_FILE = " file"
"""How the type of a value ends that lies in a file of its own."""
KEY, RAW_KEY = "key", "raw"
_PLAIN = (str, int, bytes)
LISTED = (
    "key", "raw", "store_time", "expire_time", "access_time", "access_count", "tag", "size", "mode", "filename",
    "typeof(value)", lengths_sql("value"),
)  # fmt: skip
"""Behind the rowid."""


class CacheRows(Rows):
    """Rows told apart by key and raw, floats among them: a rowid is given away again."""

    __slots__ = ()

    def ids_of(self, rows: Sequence[Row]) -> list[EntryId]:
        """As `id_of`."""
        key, raw, rowid = map(self.columns.index, (KEY, RAW_KEY, "rowid"))
        return [id_of(row[key], row[raw], row[rowid]) for row in rows]


def id_of(key: Cell, raw: Cell, rowid: Cell) -> EntryId:
    """The id of an entry: key and raw, or the rowid where one of them is NULL."""
    if type(raw) is int and type(key) in _PLAIN:
        return cast("EntryId", (key, raw))
    return entry_id_of((key, raw), rowid if key is None or raw is None else None)


def value_type(mode: Cell, kind: Cell, in_table: bool, has_json: bool) -> str:
    """What a value is, "" where it is of no known mode; `kind` is how SQLite holds it."""
    end = "" if in_table else IN_FILE
    if has_json:
        return f"json{end}"
    if mode == RAW:
        return {"text": "text", "blob": "bytes", "null": "none"}.get(str(kind), "number")
    name = {BINARY: "bytes", TEXT: "text", PICKLE: "pickle"}.get(mode if isinstance(mode, int) else 0, "")
    return name and f"{name}{end}"


def expires_of(cells: Sequence[Cell]) -> Floats:
    """NULL and infinity are never. A negative moment has passed, too, though the library's `expire` overlooks it."""
    found = numbers(cells)
    for row in np.flatnonzero(np.isnan(found)).tolist():
        if cells[row] is None or cells[row] == np.inf:
            found[row] = np.inf
    return found


def stamps_with(
    columns: Sequence[Sequence[Cell]], rowids: Sequence[Cell], names: Sequence[Cell], files: Sequence[ValueFile]
) -> NDArray[np.int64]:
    """The store time, what a read or a new expiry changes, and the value file or else the rowid."""
    bits = [numbers(column).view(np.int64) for column in columns]
    stamps = np.empty((len(rowids), STAMP_WIDTH), np.int64)
    stamps[:, 0] = bits[0]
    stamps[:, 1] = (bits[1] * 3) ^ (bits[2] * 5) ^ (bits[3] * 7) ^ bits[4]
    stamps[:, 2] = [rowid if isinstance(rowid, int) else 0 for rowid in rowids]
    for row, name in enumerate(names):
        if name is not None:
            stamps[row, 2] = stamps_of([(name, *files[row].stamp)])[0][0]
    return stamps
