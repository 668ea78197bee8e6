"""The copies of rows that wait in the trash: packed, unpacked, checked against the table of today."""

from collections.abc import Callable, Mapping, Sequence
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


def pack_ids(ids: "Sequence[EntryId]") -> list[bytes]:
    """Ids as bytes, each as `pack_id` packs it."""
    pack = _packer()
    return [pack(entry_id) for entry_id in ids]


def pack_copies(rows: Rows, packed: Sequence[bytes], extras: Sequence[Mapping[str, object]]) -> list[bytes]:
    """Complete copies of rows that `packed_rows` packed, with what the format adds to each: maps of four."""
    pack = _packer()
    shared = {"table": rows.table.name, "columns": rows.columns}
    head = b"\x84" + b"".join(pack(name) + pack(value) for name, value in shared.items()) + pack("row")
    nothing = pack("extra") + pack({})
    tails = [pack("extra") + pack(extra) if extra else nothing for extra in extras]
    return [head + row + tail for row, tail in zip(packed, tails, strict=True)]


def unpack_row(rows: Rows, data: bytes) -> tuple[Row, dict[str, Any]] | None:
    """The row and what was added; None when the table has other columns now."""
    copy = cast(dict[str, Any], _unpack(data, True))
    if copy["table"] != rows.table.name or tuple(copy["columns"]) != rows.columns:
        return None
    return tuple(copy["row"]), copy["extra"]


def _packer() -> Callable[[object], bytes]:
    return cast("Callable[[object], bytes]", msgpack.Packer(unicode_errors="surrogateescape").pack)


def _unpack(data: bytes, lists: bool) -> object:
    return msgpack.unpackb(data, unicode_errors="surrogateescape", use_list=lists, strict_map_key=False)
