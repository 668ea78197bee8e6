"""The copies of rows that wait in the trash: packed, unpacked, checked against the table of today."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgpack

from cache_studio.adapters.sqlite_rows import Row, Rows

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId

COPY_BYTES = 100_000_000
"""The largest entry that is copied into memory."""


def pack_id(entry_id: "EntryId") -> bytes:
    """An id as bytes."""
    return cast(bytes, msgpack.packb(entry_id, unicode_errors="surrogateescape"))


def unpack_id(data: bytes) -> "EntryId":
    """The id that `pack_id` packed."""
    return cast("EntryId", _unpack(data, False))


def pack_row(rows: Rows, row: Row, extra: Mapping[str, object]) -> bytes:
    """A complete copy of a row, with what the format adds."""
    copy = {"table": rows.table.name, "columns": rows.columns, "row": row, "extra": dict(extra)}
    return cast(bytes, msgpack.packb(copy, unicode_errors="surrogateescape"))


def unpack_row(rows: Rows, data: bytes) -> tuple[Row, dict[str, Any]] | None:
    """The row and what was added; None when the table has other columns now."""
    copy = cast(dict[str, Any], _unpack(data, True))
    if copy["table"] != rows.table.name or tuple(copy["columns"]) != rows.columns:
        return None
    return tuple(copy["row"]), copy["extra"]


def _unpack(data: bytes, lists: bool) -> object:
    return msgpack.unpackb(data, unicode_errors="surrogateescape", use_list=lists, strict_map_key=False)
