"""The files of cachelib's FileSystemCache: four bytes of expiry, then the value; and the one that counts them."""

import math
import pickle
import struct
from typing import Final

from cache_studio.adapters.headed_files import Head

LENGTH: Final = 4
_WHOLE = struct.Struct("=I")
_EARLIEST = 1_000_000_000
"""An expiry of cachelib is 0 or later than this (2001); four other bytes are mostly something else."""
_LAST = 0xFFFFFFFF
_PROTOCOLS = (b"\x02", b"\x03", b"\x04", b"\x05")
"""Of pickles that say which they are."""


def head_of(content: bytes) -> Head | None:
    """The expiry in whole seconds, 0 for never; None for a file that is too short."""
    if len(content) < LENGTH:
        return None
    (moment,) = _WHOLE.unpack_from(content)
    return Head(float(moment) or math.inf, LENGTH)


def head_for(moment: float) -> tuple[bytes, float]:
    """The bytes for a moment, and the moment they say: a whole second, never an earlier one, at the latest in 2106."""
    if moment == math.inf:
        return _WHOLE.pack(0), math.inf
    # What is read is often calculated: a thousandth over a whole second is that second.
    whole = min(max(1, math.ceil(moment - 1e-3)), _LAST)
    return _WHOLE.pack(whole), float(whole)


def looks_like(content: bytes) -> str:
    """ "pickle", "json" or "": what stands behind an expiry that is one."""
    head = head_of(content)
    if head is None or not (head.expires == math.inf or head.expires > _EARLIEST):
        return ""
    value = content[LENGTH:]
    if value[:1] == b"\x80" and value[1:2] in _PROTOCOLS:
        return "pickle"
    return "json" if value[:1] in (b"{", b"[", b'"') else ""


def counted(content: bytes, count: int) -> bytes | None:
    """The file that counts, with another count in the same form; None where its form is not known."""
    value = content[LENGTH:]
    if value[:1] == b"\x80" and value[1:2] in _PROTOCOLS:
        return content[:LENGTH] + pickle.dumps(count, value[1])
    return content[:LENGTH] + str(count).encode() if value.strip().isdigit() else None
