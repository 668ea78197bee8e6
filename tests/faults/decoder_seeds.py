"""Small values of every kind that is decoded: where fuzzing starts."""

from __future__ import annotations

import base64
import gzip
import pickle
import struct
import zlib

import msgpack

JPEG = b"\xff\xd8\xff\xe0\x00\x10" + bytes(14) + b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 20, 40) + bytes(9)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 40, 20) + bytes(30)
GIF = b"GIF89a" + struct.pack("<HH", 40, 20) + bytes(20)
BMP = b"BM" + bytes(12) + struct.pack("<Iii", 40, 40, -20) + bytes(10)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + b"\x27\x00\x00\x13\x00\x00"
WAV = (
    b"RIFF\x34\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
    + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    + b"data\x10\x00\x00\x00"
    + bytes(range(16))
)
JSON = b'{"a": [1, 2.50, "\\u00e4", null, true, {"a": NaN, "a": 1}], "": -0e5}'
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"
VALUE = {"a": [1, (2,), {"b"}], "t": b"\x00\xff"}
KINDS = {
    "pictures": (JPEG, PNG, GIF, BMP, WEBP),
    "sounds": (WAV, b"RIFX" + WAV[4:]),
    "json": (JSON, JSON.decode().encode("utf-16"), b"\xef\xbb\xbf" + JSON),
    "msgpack": (
        msgpack.packb({"a": [1, None, 2.5, b"x"], "e": msgpack.ExtType(5, b"\x01"), "t": msgpack.Timestamp(1)}),
        b"\x81\x91\x91\x01\x01",
    ),
    "compressed": (
        zlib.compress(JSON),
        gzip.compress(JSON, mtime=0),
        zlib.compress(zlib.compress(pickle.dumps(VALUE))),
        pickle.dumps(1.5) + zlib.compress(pickle.dumps(VALUE)),
    ),
    "base64": (base64.b64encode(PNG), b"data:image/gif;base64," + base64.b64encode(GIF), base64.b64encode(JSON)),
    "text": (b"hello\nworld", "gr\u00fc\u00dfe".encode("latin-1"), RESPONSE, b"<img src=x>\x1b[31m"),
    "pickle": tuple(pickle.dumps(VALUE, protocol) for protocol in (0, 2, 4)),
}
"""By kind."""
SEEDS = tuple(seed for seeds in KINDS.values() for seed in seeds)
