"""Frames between parent and child: eight bytes of length (big endian), then one msgpack value.

Text crosses with `surrogatepass`: every str survives, those of surrogateescape and the lone surrogates of JSON alike.
"""

import struct
from typing import IO

import msgpack

_LENGTH = struct.Struct(">Q")

VALUE, BATCH, END, ERROR, BUG, MEMORY = "value", "batch", "end", "error", "bug", "memory"
"""The kinds of an answer: [VALUE, result], [BATCH, yielded], [END], [ERROR, class, message, hint],
[BUG, traceback], [MEMORY]. A request is [function, arguments, streamed, bytes of memory]."""


def write_frame(pipe: IO[bytes], value: object) -> None:
    """Send one value; raises OSError when the other side is gone, TypeError or OverflowError for what msgpack lacks."""
    data = msgpack.packb(value, use_bin_type=True, unicode_errors="surrogatepass")
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> object:
    """The next value; EOFError when the other side is gone, also in the middle of a frame."""
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(header)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    value: object = msgpack.unpackb(
        data, raw=False, strict_map_key=False, unicode_errors="surrogatepass", use_list=True
    )
    return value
