"""What hishel 1 and 2 write into SQLite: a row an entry with its head packed, and its body in chunks beside it."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgpack

ENTRIES = "entries"
STREAMS = "streams"
STREAM_COLUMNS = frozenset(("entry_id", "chunk_number", "chunk_data"))
COLUMNS = ("id", "cache_key", "data", "expires_at", "last_accessed_at", "chunk_count", "ttl_deadline", "tti")
"""Of `entries` in generation 2."""
COLUMNS_1 = ("id", "cache_key", "data", "created_at", "deleted_at")
"""Of `entries` in generation 1."""
LONGEST_HEAD = 65_536
"""Bytes of a packed head that a listing reads; real ones have a few thousand."""
UNREADABLE = "Its request and response cannot be read: they are not packed as hishel packs them."
TOO_LONG = f"Its headers are longer than {LONGEST_HEAD:,} bytes; they are not read for the list."
_BROKEN = (ValueError, TypeError, KeyError, RecursionError, msgpack.UnpackException)


class Head(NamedTuple):
    """What the packed head of an entry says; empty texts where it cannot be read."""

    method: str
    url: str
    fields: Mapping[str, Any]
    """All of it."""

    @property
    def title(self) -> str:
        """The key as it is shown: method and URL."""
        return f"{self.method} {self.url}"

    @property
    def status(self) -> object:
        """The status code of the response, None where there is none."""
        response = self.fields.get("response")
        return response.get("status_code") if isinstance(response, dict) else None


def read_head(data: bytes) -> Head | None:
    """The head of an entry, None when it is no packed pair of request and response. Nothing of it is run."""
    try:
        fields = msgpack.unpackb(data, unicode_errors="surrogateescape")
        method, url = fields["request"]["method"], fields["request"]["url"]
    except _BROKEN:
        return None
    if not isinstance(method, str) or not isinstance(url, str):
        return None
    return Head(method, url, fields)


def stored_keys(key: str) -> list[bytes]:
    """What `cache_key` may hold for a typed key: the hash itself, or what hishel hashes of method and URL."""
    text = key.encode("utf-8", "surrogateescape")
    _method, _, url = key.partition(" ")
    # Generation 2 hashes "GET url" or, where it follows the RFC, "RFC url"; generation 1 the URL alone.
    hashed = (text, f"RFC {url}".encode("utf-8", "surrogateescape"), url.encode("utf-8", "surrogateescape"))
    return [text, *(hashlib.sha256(part).hexdigest().encode() for part in hashed)]
