"""File names for keys that may be anything: escaped where a filesystem could not hold them or be led astray."""

import hashlib
import os
import re

_UNSAFE = re.compile(r'[%/\\:*?"<>|\x00-\x1f\x7f]|^\.|[ .]$')
_ESCAPED = re.compile(r"%([0-9A-F]{2})")
_HASHED = re.compile(r"%[0-9a-f]{64}")
LONGEST = 200
"""Bytes of a name that every filesystem takes, with room for a suffix and for our hidden names."""


def escape(text: str, plain: str = "") -> str:
    """A safe name, another one for every text; characters in `plain` stay. A long text becomes its hash."""
    escaped = _UNSAFE.sub(lambda found: found[0] if found[0] in plain else f"%{ord(found[0]):02X}", text)
    try:
        short = 0 < len(os.fsencode(escaped)) <= LONGEST
    except UnicodeEncodeError:  # half a surrogate pair: no name can hold it
        short = False
    return escaped if short else "%" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def unescape(name: str) -> str:
    """What `escape` made the name of, the name itself where `escape` made it of nothing or of a long text."""
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)
    return text if name in (escape(text), escape(text, ":")) else name


def is_hash(name: str) -> bool:
    """Whether the name is the hash of a long text."""
    return _HASHED.fullmatch(name) is not None
