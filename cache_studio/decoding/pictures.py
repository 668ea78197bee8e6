"""Facts of pictures from their headers. Nothing is drawn here, and only small ones are handed over to be drawn."""

import struct
from collections.abc import Callable

from cache_studio.decoding.decoded import Decoded, Image

MOST_PIXELS = 40_000_000
MOST_BYTES = 32_000_000
_MOST_SEGMENTS = 10_000
_Size = tuple[int, int] | None


def picture_format(data: bytes) -> str:
    """ "png", "jpeg", "gif", "webp" or "bmp" by the first bytes; else empty."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return "bmp" if data[:2] == b"BM" and len(data) >= 26 and data[6:10] == bytes(4) else ""


def decode_picture(data: bytes, format_name: str, total: int) -> Decoded:
    """The facts of a picture; the bytes to draw only if they are all there and the picture is not too big."""
    try:
        size = _SIZES[format_name](data)
    except (struct.error, IndexError):
        size = None
    if size is None or min(size) <= 0:
        problem = f"At byte {min(len(data), 32):,}: the header of the {format_name.upper()} is broken."
        return Decoded((format_name,), image=Image(format_name, 0, 0, None, "no size"), problem=problem)
    width, height = size
    note = ""
    if width * height > MOST_PIXELS:
        note = f"{width:,} × {height:,} pixels: too big to draw"
    elif len(data) < total or len(data) > MOST_BYTES:
        note = f"{total:,} bytes: too long to draw" if len(data) > MOST_BYTES else f"only {len(data):,} bytes were read"
    return Decoded((format_name,), image=Image(format_name, width, height, None if note else data, note))


def _png(data: bytes) -> _Size:
    return struct.unpack_from(">II", data, 16) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> _Size:
    return struct.unpack_from("<HH", data, 6)


def _bmp(data: bytes) -> _Size:
    if struct.unpack_from("<I", data, 14)[0] == 12:
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _webp(data: bytes) -> _Size:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8X" and len(data) >= 30:
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def _jpeg(data: bytes) -> _Size:
    """The size from the first frame header; segments are stepped over by their lengths."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 9 >= len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


_SIZES: dict[str, Callable[[bytes], _Size]] = {"png": _png, "gif": _gif, "bmp": _bmp, "webp": _webp, "jpeg": _jpeg}
