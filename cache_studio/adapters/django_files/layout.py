"""How a file of Django's FileBasedCache begins: a pickled moment, known by its bytes and never unpickled."""

import math
import re
import struct

from cache_studio.adapters.headed_files import Head

_HEAD = re.compile(
    rb"\x80[\x02-\x05](?:\x95.{8})?(?:(?P<never>N)|G(?P<float>.{8})|K(?P<one>.)|M(?P<two>..)|J(?P<four>....))\.",
    re.DOTALL,
)
_NEVER = b"\x80\x05N."
_MOMENT = b"\x80\x05\x95\x0a\0\0\0\0\0\0\0G"


def head_of(content: bytes) -> Head | None:
    """The expiry that a file begins with; None for anything else, whatever it would be when it was run."""
    found = _HEAD.match(content)
    if found is None:
        return None
    if found["never"]:
        return Head(math.inf, found.end())
    if found["float"]:
        (moment,) = struct.unpack(">d", found["float"])
        return None if math.isnan(moment) or moment == -math.inf else Head(moment, found.end())
    whole = found["one"] or found["two"] or found["four"]
    return Head(float(int.from_bytes(whole, "little", signed=len(whole) == 4)), found.end())


def head_for(moment: float) -> bytes:
    """What Django writes for a moment, +inf for never."""
    return _NEVER if moment == math.inf else _MOMENT + struct.pack(">d", moment) + b"."
