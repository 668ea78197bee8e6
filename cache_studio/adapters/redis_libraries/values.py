"""What the stored bytes of a library's value are: its mark, the value behind it, how it is packed."""

import re

from cache_studio.model.payload import Fact, Piece

_COMPRESSIONS = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00\x00\x80\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_NUMBER = re.compile(rb"-?[0-9]{1,30}")


def pieces_of(stored: Piece, mark: re.Pattern[bytes] | None) -> list[Piece]:
    """The value, and the library's own head as a second piece where it says something."""
    found = mark.match(stored.data) if mark else None
    if found is None:
        return [Piece("value", stored.data, stored.total, hint_of(stored.data), stored.problem)]
    value = stored.data[found.end() :]
    hint = "msgpack" if found[0] == b"cc=4," else hint_of(value)
    pieces = [Piece("value", value, stored.total - found.end(), hint)]
    if found.re.groups:
        pieces.append(Piece("metadata", found[1], len(found[1]), "json"))
    return pieces


def hint_of(value: bytes) -> str:
    """What the decoder is told where the first bytes leave no doubt."""
    if value[:1] == b"\x80" and value[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    return "text" if _NUMBER.fullmatch(value) else ""


def compression_of(value: bytes) -> str:
    """The packing that the first bytes tell, or ""."""
    if value.startswith(_ZLIB):
        return "zlib"
    return next((name for head, name in _COMPRESSIONS if value.startswith(head)), "")


def facts_of(value: bytes) -> tuple[Fact, ...]:
    """What is told of a value beside its content."""
    packed = compression_of(value)
    return (Fact("Compressed by", packed),) if packed else ()
