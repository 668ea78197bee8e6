"""How CacheControl writes a response: `cc=4,` and msgpack, the body first; and when it takes it for fresh."""

import calendar
import hashlib
import math
import os
import re
from collections.abc import Mapping
from email.utils import parsedate_tz
from typing import NamedTuple

import msgpack

from cache_studio.adapters.files import read_up_to

MAGIC = b"cc=4,"
BODY = ".body"
"""The ending of the file that holds a body of its own."""
DIGITS = frozenset("0123456789abcdef")
LEVELS = 5
"""How many folders, named by the first digits of the hash, lead to an entry."""
NAME = re.compile(r"[0-9a-f]{56}")
"""SHA-224 of a URL."""
OLDER = "An older CacheControl wrote it; the library does not read it any more."
NO_RESPONSE = "It is no response of CacheControl."
CUT_OFF = "The file is cut off."
TOO_LONG = "Its headers are too long to be read for the list."
_HEADERS = 65_536
_WHOLE = 1_000_000
_PERMANENT = (301, 308)
_BODY_FIRST = re.compile(
    rb"cc=4,[\x81-\x8f]\xa8response([\x81-\x8f])\xa4body(?:\xc4(.)|\xc5(..)|\xc6(....))", re.DOTALL
)
_OLD = re.compile(rb"cc=[0-3],")
_URL = re.compile(r"([^:/?#]+)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?")
_PYPI = ("project", "version", "package-type", "python-version")
_UNREADABLE = (ValueError, TypeError, RecursionError, msgpack.UnpackException)


class Response(NamedTuple):
    """A stored response without its body."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: int
    """Bytes of the body in this file; 0 where it lies in another."""

    @property
    def package(self) -> str:
        """The package that PyPI's headers name, "" for any other response."""
        parts = [self.headers.get(f"x-pypi-file-{part}", "")[:100] for part in _PYPI]
        return " ".join(part for part in parts if part) if parts[0] else ""

    @property
    def wants_body_file(self) -> bool:
        """Whether it has a body by its headers, but not in this file."""
        length = self.headers.get("content-length", "0")
        return not self.body and self.status == 200 and length.isdigit() and int(length[:18]) > 0

    @property
    def expires(self) -> float:
        """The first moment at which the library asks the server again; NaN where it always does so."""
        if self.status in _PERMANENT:
            return math.inf
        date = _moment(self.headers.get("date"))
        age = _max_age(self.headers.get("cache-control", ""))
        if age is not None:
            return date + age
        if "expires" not in self.headers:
            return math.nan
        expires = _moment(self.headers["expires"])
        # One that is no date ("0") has passed; none lies before the response.
        return max(date, expires) if expires == expires else date


class Unreadable(Exception):
    """Why a file is no response, one sentence."""


def read_response(descriptor: int, size: int) -> Response:
    """Status and headers of an open file, its body passed over; Unreadable."""
    head = os.read(descriptor, 64)
    if not head.startswith(MAGIC):
        raise Unreadable(OLDER if _OLD.match(head) else NO_RESPONSE)
    found = _BODY_FIRST.match(head)
    if found is None:
        return _read_whole(descriptor, head, size)
    try:
        body = int.from_bytes(next(group for group in found.groups()[1:] if group is not None), "big")
        if found.end() + body >= size:
            raise Unreadable(CUT_OFF)
        os.lseek(descriptor, found.end() + body, os.SEEK_SET)
        rest = read_up_to(descriptor, _HEADERS)
        reader = msgpack.Unpacker(unicode_errors="surrogateescape", max_buffer_size=_HEADERS)
        reader.feed(rest)
        fields = {reader.unpack(): reader.unpack() for _field in range((found[1][0] & 0x0F) - 1)}
    except msgpack.OutOfData:
        raise Unreadable(TOO_LONG if size - body > 2 * _HEADERS else CUT_OFF) from None
    except _UNREADABLE:
        raise Unreadable(NO_RESPONSE) from None
    return _response(fields, body)


def _read_whole(descriptor: int, head: bytes, size: int) -> Response:
    if size > _WHOLE:
        raise Unreadable(NO_RESPONSE)
    content = head + read_up_to(descriptor, size - len(head))
    try:
        found = msgpack.unpackb(content[len(MAGIC) :], unicode_errors="surrogateescape")
        fields = found["response"]
        body = fields.get("body")
    except (*_UNREADABLE, KeyError, AttributeError):
        raise Unreadable(NO_RESPONSE) from None
    return _response(fields, len(body) if isinstance(body, bytes | str) else 0)


def _response(fields: object, body: int) -> Response:
    headers = fields.get("headers") if isinstance(fields, dict) else None
    status = fields.get("status") if isinstance(fields, dict) else None
    if not isinstance(headers, dict) or not isinstance(status, int):
        raise Unreadable(NO_RESPONSE)
    plain = {str(name).lower(): text for name, text in headers.items() if isinstance(text, str)}
    return Response(status, plain, body)


def _max_age(header: str) -> int | None:
    """As the library reads it: names in lower case only, the last one counts."""
    found = None
    for directive in header.split(","):
        name, _, value = directive.partition("=")
        if name.strip() == "max-age":
            try:
                found = int(value.strip()[:15])
            except ValueError:
                continue
    return found


def _moment(text: str | None) -> float:
    try:
        parts = parsedate_tz(text) if text else None
        return math.nan if parts is None else float(calendar.timegm(parts[:6]))
    except (ValueError, OverflowError, TypeError, IndexError):
        return math.nan


def id_of(name: str) -> str:
    """Where the entry of this hash lies."""
    return "/".join((*name[:LEVELS], name))


def hashes_of(key: str) -> list[str]:
    """The names under which a typed key may be stored: it is one, or ends with one, or is a URL, with GET or not."""
    last = key.rpartition(" ")[2]
    found = [last] if NAME.fullmatch(last) else []
    url = key.removeprefix("GET ")
    parts = _URL.fullmatch(url)
    if parts is not None and parts[2]:
        scheme, host, path, query = parts[1].lower(), parts[2].lower(), parts[3] or "/", parts[4]
        normal = f"{scheme}://{host}{path}" + (f"?{query}" if query else "")
        for text in dict.fromkeys((normal, url)):
            found.append(hashlib.sha224(text.encode("utf-8", "surrogateescape")).hexdigest())
    return found
