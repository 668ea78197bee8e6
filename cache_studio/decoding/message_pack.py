"""msgpack, read with limits; double keys and extension types are kept."""

import msgpack

from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.plain import Extension, Pairs, doubles, plain_tree

_MOST_WARNINGS = 20


def looks_like_msgpack(data: bytes) -> bool:
    """Whether the data is one whole msgpack map or array and nothing else: anything less is too easily text."""
    if not data or not (0x80 <= data[0] <= 0x9F or 0xDC <= data[0] <= 0xDF) or len(data) < 3:
        return False
    decoded = decode_msgpack(data, len(data))
    return not decoded.problem and not decoded.trailing


def decode_msgpack(data: bytes, total: int) -> Decoded:
    """The first msgpack value of the data; a broken one has only its problem."""
    warnings: list[str] = []

    def pairs(items: list[tuple[object, object]]) -> Pairs:
        if len(warnings) < _MOST_WARNINGS:
            warnings.extend(doubles(items))
        return Pairs(items)

    size = max(1, len(data))
    reader = msgpack.Unpacker(
        raw=False,
        strict_map_key=False,
        unicode_errors="surrogateescape",
        object_pairs_hook=pairs,
        ext_hook=Extension,
        timestamp=0,
        max_buffer_size=size,
    )
    reader.feed(data)
    try:
        value = reader.unpack()
    except msgpack.OutOfData:
        return Decoded(("msgpack",), problem=_too_short(len(data), total))
    except (msgpack.UnpackException, ValueError, RecursionError, TypeError) as error:
        # TypeError: a map as the key of a map, which no hash can take
        reason = str(error) or type(error).__name__
        return Decoded(("msgpack",), problem=f"Near byte {reader.tell():,}: no msgpack ({reason}).")
    trailing = len(data) - reader.tell()
    return Decoded(("msgpack",), plain_tree(value), warnings=tuple(warnings), trailing=trailing, content=value)


def _too_short(length: int, total: int) -> str:
    if length < total:
        return f"Only the first {length:,} of {total:,} bytes were read."
    return f"At byte {length:,}: the msgpack value ends too early."
