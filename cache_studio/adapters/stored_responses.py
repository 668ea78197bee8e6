"""What requests-cache and aiohttp-client-cache store of a response, told without running any of it.

A body is the longest part of a value and says nothing to a listing. It stands near the beginning or at the end, so that
the two ends of a value tell method, URL and times.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlunsplit

from cache_studio.decoding.pickled.friendly import Friendly, read_call
from cache_studio.decoding.pickled.machine import Budget
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection, Instance
from cache_studio.model.payload import Fact
from cache_studio.model.times import parse_time

END = 8_192
"""Bytes of each end of a value that a listing looks at."""
LARGEST_JSON = 4_000_000
"""A longer JSON text is not parsed whole: that would hold the interpreter for over 20 ms."""
_BUDGET = Budget(opcodes=50_000, seconds=0.5, largest=65_536)
_BODIES = (b"\x8c\x08_content\x94", b"\x8c\x05_body\x94")
_BODY_NAMED_WITHIN = 1_024
_LENGTHS = {b"C": 1, b"B": 4, b"\x8e": 8}
"""The opcodes of bytes, and how long the length behind each is."""
_LONGEST_TYPE = 60
_NO_RESPONSE = "The value holds no response."


@dataclass(frozen=True, slots=True)
class Told:
    """What a stored response says of itself; "" and NaN where it does not, `expires` +inf for never."""

    method: str = ""
    url: str = ""
    """As it was asked for: before any redirect."""
    answered: str = ""
    """The URL that answered in the end."""
    status: str = ""
    media_type: str = ""
    created: float = math.nan
    expires: float = math.nan
    problem: str = ""

    @property
    def title(self) -> str:
        """ "GET https://…", or "" where the URL is not known."""
        return f"{self.method or 'GET'} {self.url}" if self.url else ""

    def facts(self, key: str) -> tuple[Fact, ...]:
        """What no column shows; `key` is the hash under which the library stores it."""
        found = {"URL": self.url, "Status": self.status, "Cache key": key}
        if self.answered and self.answered != self.url:
            found["Redirected to"] = self.answered
        return tuple(Fact(name, text) for name, text in found.items() if text)


def told_by_ends(head: bytes, tail: bytes, total: int) -> Told | None:
    """What a value of `total` bytes tells by its ends; None where the whole of it is needed."""
    if total <= len(head) + len(tail):
        return told(head + tail[len(head) + len(tail) - total :])
    if head.startswith(b"{"):
        fields = _json_ends(head, tail)
        return None if fields is None else _told_by_fields(fields)
    short = _without_body(head, tail, total)
    return None if short is None else told(short)


def told(value: bytes) -> Told:
    """What a whole value tells. One in an unknown form (YAML, BSON) tells nothing, which is no problem of it."""
    if not value:
        return Told(problem="The value is empty.")
    if value.startswith(b"{"):
        return _told_by_json(value)
    if not value.startswith(b"\x80"):
        return Told()
    reading = read_pickle(value, budget=_BUDGET)
    if reading.problem:
        return Told(problem=f"The pickle is broken: {reading.problem}")
    if isinstance(reading.root, Instance):
        return _told_by_object(reading.root)
    return _told_by_fields(reading.root)


def asked_first(value: bytes) -> tuple[str, str]:
    """Method and URL of a pickled response of aiohttp-client-cache, by as much of it as stands before its body."""
    at = _body_at(value)
    cut = value if at is None else value[:at] + b"N"
    root = read_pickle(cut, budget=_BUDGET).root
    items = list(_flat(root))
    named = {name: items[place + 1] for place, name in enumerate(items[:-1]) if name in ("method", "url")}
    return _text(named.get("method")), _url(named.get("url"))


def is_of_aiohttp(value: object) -> bool:
    """Whether a value, or its head, is a response of aiohttp-client-cache."""
    return isinstance(value, bytes) and value.startswith(b"\x80") and b"aiohttp_client_cache" in value[:200]


def is_of_requests(value: object) -> bool:
    """Whether a value, or its head, is a response of requests-cache, in a pickle or in JSON."""
    if isinstance(value, str):
        return value.startswith("{") and any(f'"{name}"' in value for name in ("_content", "created_at"))
    if not isinstance(value, bytes) or not value.startswith(b"\x80") or is_of_aiohttp(value):
        return False
    return any(name in value[:400] for name in (b"_content", b"created_at", b"requests_cache"))


def _flat(root: object) -> list[object]:
    """The items of an unfinished object's state, wherever the reader left them."""
    if isinstance(root, Instance):
        return [] if not root.states else _flat(root.states[0])
    if not isinstance(root, Collection):
        return []
    if root.kind != "unfinished":
        return list(root.items)
    found: list[object] = []
    for item in root.items:
        inside = isinstance(item, Collection) and item.kind in ("unfinished", "dict")
        found += _flat(item) if inside else [item]
    return found


def field_of(holder: object, name: str) -> object:
    """A field of a parsed object, a pickled dict or a pickled object's state; None where it is not there."""
    if isinstance(holder, Mapping):
        return holder.get(name)
    if isinstance(holder, Instance):
        return field_of(holder.states[0], name) if holder.states else None
    if isinstance(holder, Collection) and holder.kind == "dict":
        return next((value for key, value in reversed(holder.pairs()) if key == name), None)
    return None


def _told_by_json(value: bytes) -> Told:
    if len(value) > LARGEST_JSON:
        return Told()
    try:
        fields = json.loads(value)
    except (ValueError, RecursionError):
        return Told(problem="The value is no complete JSON object.")
    return _told_by_fields(fields)


def _told_by_fields(fields: object) -> Told:
    """A dict of requests-cache, from JSON or a pickle: its times are ISO 8601, in UTC where they have no offset."""
    if field_of(fields, "request") is None and field_of(fields, "url") is None:
        return Told(problem=_NO_RESPONSE)
    first = _first(field_of(fields, "history"))
    request = field_of(first if first is not None else fields, "request")
    expires = field_of(fields, "expires")
    answered = _text(field_of(fields, "url"))
    return Told(
        method=_text(field_of(request, "method")),
        url=_text(field_of(request, "url")) or answered,
        answered=answered,
        status=_status(field_of(fields, "status_code"), field_of(fields, "reason")),
        media_type=_media_type(_header(field_of(fields, "headers"))),
        created=_moment(field_of(fields, "created_at")),
        expires=math.inf if expires is None else _moment(expires),
    )


def _told_by_object(response: Instance) -> Told:
    """A CachedResponse of aiohttp-client-cache; its times are in UTC without an offset."""
    if field_of(response, "method") is None:
        # Old versions of attrs keep the state without names: a response, of which nothing can be told.
        return Told() if response.name.endswith(".CachedResponse") else Told(problem=_NO_RESPONSE)
    first = _first(field_of(response, "history"))
    expires = field_of(response, "expires")
    asked = response if first is None else first
    return Told(
        method=_text(field_of(asked, "method")),
        url=_url(field_of(asked, "url")),
        answered=_url(field_of(response, "url")),
        status=_status(field_of(response, "status"), field_of(response, "reason")),
        media_type=_media_type(_raw_header(field_of(response, "raw_headers"))),
        created=_moment(field_of(response, "created_at")),
        expires=math.inf if expires is None else _moment(expires),
    )


def _first(items: object) -> object:
    found = items.items if isinstance(items, Collection) and items.kind in ("list", "tuple") else items
    return found[0] if isinstance(found, list) and found else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _status(code: object, reason: object) -> str:
    return f"{code} {_text(reason)}".strip() if isinstance(code, int) else ""


def _header(headers: object) -> str:
    """The Content-Type of a dict of headers."""
    names = ("Content-Type", "content-type", "Content-type")
    return next((found for name in names if (found := _text(field_of(headers, name)))), "")


def _raw_header(headers: object) -> str:
    for pair in headers.items if isinstance(headers, Collection) else ():
        if isinstance(pair, Collection) and len(pair.items) == 2:
            name, value = pair.items
            if isinstance(name, bytes) and isinstance(value, bytes) and name.lower() == b"content-type":
                return value.decode("utf-8", "replace")
    return ""


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()[:_LONGEST_TYPE]


def _moment(value: object) -> float:
    if isinstance(value, Instance):
        read = read_call(value)
        value = read.value if isinstance(read, Friendly) else None
    if isinstance(value, datetime):
        try:
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return math.nan
    return parse_time(value, "iso", "utc")


def _url(value: object) -> str:
    """The text of a yarl.URL (its state is what urlsplit returns), or of a plain one."""
    if not isinstance(value, Instance):
        return _text(value)
    held: object = value.states[0] if value.states else value.arguments
    for _ in range(3):
        if isinstance(held, Instance):
            held = held.arguments
        if isinstance(held, Collection) and len(held.items) == 5:
            parts = [part for part in held.items if isinstance(part, str)]
            return urlunsplit(parts) if len(parts) == 5 else ""
        held = held.items[0] if isinstance(held, Collection) and held.items else None
    return _text(held)


def _json_ends(head: bytes, tail: bytes) -> dict[str, object] | None:
    """The fields around a long body of indented JSON: no text in it holds a newline, so two blanks mean the top."""
    found: dict[str, object] = {}
    cut, begin = head.rfind(b'\n  "'), tail.find(b'\n  "')
    for part in (head[: max(cut, 1)].rstrip(b", \r\n") + b"}", b"{" + tail[begin:] if begin >= 0 else b"{}"):
        try:
            fields = json.loads(part)
        except (ValueError, RecursionError):
            continue
        found |= fields
    # Headers come before the history of redirects, the request behind it: with both, nothing between is missing.
    return found if "headers" in found and "request" in found else None


def _body_at(head: bytes) -> int | None:
    """Where the opcode of the body stands."""
    for name in _BODIES:
        at = head.find(name, 0, _BODY_NAMED_WITHIN)
        if at >= 0:
            return at + len(name)
    return None


def _without_body(head: bytes, tail: bytes, total: int) -> bytes | None:
    """A long pickle with an empty body in place of its own; None where its ends do not hold all the rest."""
    at = _body_at(head)
    width = None if at is None else _LENGTHS.get(head[at : at + 1])
    if at is None or width is None or at + 1 + width > len(head):
        return None
    behind = total - (at + 1 + width + int.from_bytes(head[at + 1 : at + 1 + width], "little"))
    if not 0 < behind <= len(tail):
        return None
    # The frame says how long all of it was; without frames a pickle says the same.
    begin = head[:2] + head[11:at] if head[2:3] == b"\x95" else head[:at]
    return begin + b"C\x00" + tail[len(tail) - behind :]
