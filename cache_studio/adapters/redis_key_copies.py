"""The copy of one key: how it is packed for the trash, in whatever way it was taken."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import msgpack

from cache_studio.model.errors import CacheUnavailable

COPY_BYTES = 600_000_000
"""Larger values are not copied. No string of Redis is longer than 537 MB."""
TOO_LARGE = "It is larger than 600 MB, which is not copied; remove it without undo."
DUMPED_BYTES = 1 << 20
"""Larger values are copied in pages where they can be: dumping and hashing one holds the server for over 20 ms."""
MOST_DUMPED_BYTES = 4 << 20
"""The same for values that can only be copied whole."""
NOT_IN_PAGES = "It is larger than 4 MB and cannot be copied in pages."
UNREADABLE = "The copy in the trash cannot be read."
_VERSION = 1
_DUMPED = 5
"""So many columns has a copy that is no typed one."""
Names: TypeAlias = tuple[str, ...]


class KeyCopy(NamedTuple):
    """One key as it was: all that brings it back."""

    name: bytes
    expiry: int
    """Epoch milliseconds, -1 for never."""
    accessed: int
    """Epoch seconds of its last use, -1 where not known."""
    proof: str
    """What the server answers for the same content; for a typed copy the digest of its pages."""
    dump: bytes
    """The answer of DUMP; of a typed copy its packed pages, unless they are in `file`."""
    kind: str = ""
    """The type, for a typed copy: its content as `redis_typed_copies` reads and writes it."""
    file: str = ""
    """Where the trash keeps the packed pages of a large value."""


def pack_copies(keys: Sequence[KeyCopy]) -> bytes:
    """The keys of one entry as `EntryCopy.data`."""
    packed: bytes = msgpack.packb([_VERSION, [key if key.kind else key[:_DUMPED] for key in keys]])
    return packed


def unpack_copies(data: bytes) -> list[KeyCopy]:
    """What `pack_copies` packed; CacheUnavailable when it is damaged or from a later version."""
    try:
        version, keys = msgpack.unpackb(data, max_bin_len=len(data))
        if version == _VERSION:
            return [KeyCopy(*key) for key in keys]
    except (ValueError, TypeError, msgpack.UnpackException):
        pass
    raise CacheUnavailable(UNREADABLE, "It is damaged or of a later version.")
