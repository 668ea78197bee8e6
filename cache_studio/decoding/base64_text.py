"""Text that is base64 of something. Conservative: many a word is made of the same letters."""

import base64
import binascii
import re

_SHORTEST = 16
_LETTERS = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}|[A-Za-z0-9_\-\s]+={0,2}")
"""No two parts that match the same letters stand side by side: a long text that is no base64 is refused in one go."""
_DATA_URL = re.compile(rb"data:[\w.+/-]{0,100}(?:;[\w.=+-]{1,100}){0,5};base64,", re.ASCII)


def unwrap(data: bytes) -> bytes | None:
    """The bytes a base64 text (or a data: URL) stands for; None if it cannot be one."""
    url = _DATA_URL.match(data[:1000])
    if url:
        data = data[url.end() :]
    data = data.rstrip()
    if len(data) < _SHORTEST or not _LETTERS.fullmatch(data):
        return None
    letters = b"".join(data.split())
    if (len(letters) % 4 and b"=" in letters) or len(letters) % 4 == 1:
        return None
    letters += b"=" * (-len(letters) % 4)
    try:
        if b"-" in letters or b"_" in letters:
            return base64.urlsafe_b64decode(letters)
        return base64.b64decode(letters, validate=True)
    except binascii.Error:
        return None
