"""The layout: `index-v5/ab/cd/<the rest of the key's SHA-256>`, a line a write, and the content by its own hash."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping

CACHE = "_cacache"
INDEX = "index-v5"
CONTENT = "content-v2"
is_bucket = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}").fullmatch
"""Whether a path below the index is that of a file of lines."""
_STRENGTHS = {"sha512": 64, "sha384": 48, "sha256": 32, "sha1": 20}
"""Bytes of each hash that names content, the strongest first: cacache takes that one."""


def bucket_of(key: str) -> str:
    """Where the lines of a key stand."""
    name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name[:2]}/{name[2:4]}/{name[4:]}"


def last_line(content: bytes) -> Mapping[str, object] | None:
    """The newest whole line of a bucket: a line whose hash is wrong does not count. None where there is none."""
    for line in reversed(content.split(b"\n")):
        digest, _tab, text = line.partition(b"\t")
        text = text.partition(b"\t")[0]
        if not text or hashlib.sha1(text, usedforsecurity=False).hexdigest().encode() != digest:
            continue
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("key"), str):
            return found
    return None


def content_parts(entry: Mapping[str, object]) -> tuple[str, ...] | None:
    """Where the content of an entry lies, None where its line does not say that."""
    integrity = entry.get("integrity")
    hashes = dict(word.partition("-")[::2] for word in integrity.split()) if isinstance(integrity, str) else {}
    for algorithm, length in _STRENGTHS.items():
        try:
            digest = base64.b64decode(hashes.get(algorithm, "").partition("?")[0], validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(digest) == length:
            name = digest.hex()
            return (CONTENT, algorithm, name[:2], name[2:4], name[4:])
    return None
