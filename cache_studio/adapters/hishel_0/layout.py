"""How hishel 0.1 writes a response: a JSON text whose request and figures stand behind the long content."""

import hashlib
import json
import math
import re
from email.utils import parsedate_to_datetime
from typing import NamedTuple

TABLE = "cache"
COLUMNS = frozenset(("key", "data", "date_created"))
TAIL = 16_384
"""Bytes of the end of an entry that are read for the list: its request and figures have a few hundred."""
HEAD = 64
"""Bytes of its beginning that tell how it is written."""
NAME = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
"""A key: blake2b, or SHA-256 where the system has no blake2b."""
BROKEN = "It is no complete response: its request cannot be read."
_BEGINS = re.compile(rb'\{\s+"response": \{')
_REQUEST = b'\n    "request": {'


class Tail(NamedTuple):
    """What the end of an entry says; NaN where a figure is not there."""

    method: str
    url: str
    uses: float
    created: float
    """To the second."""

    @property
    def title(self) -> str:
        """The key as it is shown: method and URL."""
        return f"{self.method} {self.url}"


def begins_as_json(head: bytes) -> bool:
    """Whether it is written as JSON, as an application does that asks for nothing else."""
    return _BEGINS.match(head) is not None


def serializer_of(head: bytes) -> str:
    """How it is written: "json", "pickle" or "" for something else (YAML, an application's own)."""
    return "json" if begins_as_json(head) else "pickle" if head[:1] == b"\x80" else ""


def read_tail(tail: bytes) -> Tail | None:
    """Request and figures from the end of an entry; None where they are not there or broken."""
    # A line break is never written into a JSON text, so that no header or content can look like this.
    place = tail.rfind(_REQUEST)
    try:
        fields = json.loads(b"{" + tail[place:]) if place >= 0 else {}
        request, figures = fields["request"], fields["metadata"]
        method, url = request["method"], request["url"]
        uses, created = figures.get("number_of_uses"), figures.get("created_at")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(method, str) or not isinstance(url, str):
        return None
    number = float(uses) if isinstance(uses, int) and abs(uses) < 1 << 53 else math.nan
    return Tail(method, url, number, _moment(created))


def _moment(text: object) -> float:
    try:
        return parsedate_to_datetime(text).timestamp() if isinstance(text, str) else math.nan
    except (ValueError, TypeError, OverflowError):
        return math.nan


def stored_keys(key: str) -> list[str]:
    """The keys under which a typed "GET https://…" may be stored, and the typed text itself."""
    method, _, url = key.partition(" ")
    text = (method + url).encode("utf-8", "surrogateescape")
    return [key, hashlib.blake2b(text, digest_size=16).hexdigest(), hashlib.sha256(text).hexdigest()]
