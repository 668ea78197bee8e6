"""Recognises stored HTTP responses by the shape their library gives them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from cache_studio.decoding.views import reading
from cache_studio.decoding.views.bodies import body_of_bytes, body_of_value
from cache_studio.decoding.views.freshness import validity_of
from cache_studio.decoding.views.reading import class_name, fields, members, moment, pairs, text, whole, wording
from cache_studio.decoding.views.shapes import Body, HttpView

MOST_HEADERS = 200
LONGEST_HEADER = 4_000
_LONGEST_NAME = 200
_LONGEST_URL = 8_000
_MOST_PARTS = 10_000
_ABSENT = object()
Fields = dict[str, object]


@dataclass(slots=True)
class Found:
    """What a library stored of a response, as far as it has the type that it should have.

    `body` are its bytes as stored, None where they lie elsewhere; `value` is a body that was stored decoded.
    """

    origin: str
    status: object = None
    reason: object = ""
    url: object = ""
    method: object = ""
    version: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    request_headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    value: object = _ABSENT
    received: float = math.nan


def http_view(value: object, beside: tuple[bytes, int] | None) -> HttpView | None:
    """The response that `value` is, or None. `beside` is a body that is stored apart: its head and whole length."""
    known = fields(value)
    for recognise in _SHAPES if known else ():
        found = recognise(value, known)
        if found is not None:
            return _view(found, beside)
    return None


def _view(found: Found, beside: tuple[bytes, int] | None) -> HttpView:
    headers = _bounded(found.headers)
    notes = []
    status = whole(found.status, 999)
    if status is None and found.status is not None:
        notes.append("The status is no number from 0 to 999.")
    if len(headers) < len(found.headers):
        least = "at least " if len(found.headers) >= reading.MOST_FIELDS else ""
        notes.append(f"The first {len(headers):,} of {least}{len(found.headers):,} headers are shown.")
    return HttpView(
        origin=found.origin,
        status=status,
        reason=wording(found.reason)[:_LONGEST_NAME],
        method=text(found.method)[:_LONGEST_NAME],
        url=text(found.url)[:_LONGEST_URL],
        version=found.version[:20],
        headers=headers,
        header_count=len(found.headers),
        request_headers=_bounded(found.request_headers),
        validity=validity_of(headers, found.received),
        body=_body(found, headers, beside),
        notes=tuple(notes),
    )


def _body(found: Found, headers: tuple[tuple[str, str], ...], beside: tuple[bytes, int] | None) -> Body | None:
    if found.value is not _ABSENT:
        return body_of_value(found.value, headers)
    if found.body:
        return body_of_bytes(found.body, headers)
    if beside is not None:
        return body_of_bytes(beside[0], headers, beside[1])
    return None if found.body is None else body_of_bytes(b"", headers)


def _bounded(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name[:_LONGEST_NAME], _cut(value)) for name, value in headers[:MOST_HEADERS])


def _cut(value: str) -> str:
    if len(value) <= LONGEST_HEADER:
        return value
    return f"{value[:LONGEST_HEADER]}... ({len(value):,} characters)"


def header_pairs(value: object) -> list[tuple[str, str]]:
    """Names and values of headers, stored as a mapping (of texts or lists of texts) or as a list of pairs."""
    listed = [members(pair) for pair in members(value)]
    named = pairs(value) or [(pair[0], pair[1]) for pair in listed if len(pair) == 2]
    found: list[tuple[str, str]] = []
    for name, item in named:
        values = [item] if isinstance(item, str | bytes) else members(item)
        found += [(wording(name), wording(one)) for one in values[:MOST_HEADERS] if isinstance(one, str | bytes)]
    return found


def _requests_cache(value: object, known: Fields) -> Found | None:
    request = fields(known.get("request"))
    has_body = "_content" in known or "_decoded_content" in known
    if "url" not in request or "url" not in known or not ("status_code" in known or has_body):
        return None
    stored = known.get("_content")
    data = reading.content(stored)
    if data is None:
        data = reading.from_base64(stored) if text(stored) else b""
    return Found(
        "requests-cache",
        known.get("status_code"),
        known.get("reason"),
        known["url"],
        request.get("method", "GET"),
        headers=header_pairs(known.get("headers")),
        request_headers=header_pairs(request.get("headers")),
        body=data,
        value=known.get("_decoded_content") or _ABSENT,
        received=moment(known.get("created_at")),
    )


def _aiohttp(value: object, known: Fields) -> Found | None:
    if class_name(value) != "aiohttp_client_cache.response.CachedResponse":
        return None
    version = [wording(part) for part in reading.arguments(known.get("version"))[:2]]
    return Found(
        "aiohttp-client-cache",
        known.get("status"),
        known.get("reason"),
        _yarl(known.get("url")),
        known.get("method"),
        f"HTTP/{'.'.join(version)}" if len(version) == 2 else "",
        header_pairs(known.get("raw_headers")),
        header_pairs(known.get("request_raw_headers")),
        reading.content(known.get("_body")) or b"",
        received=moment(known.get("created_at")),
    )


def _yarl(url: object) -> str:
    """The URL in the state of a yarl.URL: scheme, host and port, path, query, fragment."""
    for state in reading.states(url):
        first = members(state)
        parts = [text(part) for part in (members(first[0]) if first else [])]
        if class_name(url) == "yarl.URL" and len(parts) == 5:
            scheme, place, path, query, fragment = parts
            return f"{scheme}://{place}{path}{query and '?' + query}{fragment and '#' + fragment}"
    return text(url)


def _hishel(value: object, known: Fields) -> Found | None:
    request, response = fields(known.get("request")), fields(known.get("response"))
    if not {"method", "url", "headers"} <= request.keys() or "headers" not in response:
        return None
    first = "status" in response and "metadata" in known
    if not first and "status_code" not in response:
        return None
    extra = fields(fields(response.get("extra")).get("hishel_httpx")) or fields(response.get("extensions"))
    meta = fields(known.get("meta")) or fields(known.get("metadata"))
    created = meta.get("created_at")
    return Found(
        "hishel",
        response["status" if first else "status_code"],
        extra.get("reason_phrase", ""),
        request["url"],
        request["method"],
        wording(extra.get("http_version")),
        header_pairs(response["headers"]),
        header_pairs(request["headers"]),
        reading.from_base64(response["content"]) if "content" in response else None,
        received=reading.http_date(text(created)) if text(created) else moment(created),
    )


def _cache_control(value: object, known: Fields) -> Found | None:
    response = fields(known.get("response"))
    if "vary" not in known or not {"status", "headers", "decode_content"} <= response.keys():
        return None
    version = whole(response.get("version"), 99)
    return Found(
        "CacheControl",
        response["status"],
        response.get("reason"),
        version="" if version is None else f"HTTP/{version / 10:.1f}",
        headers=header_pairs(response["headers"]),
        body=reading.content(response.get("body")) or None,  # empty where it lies in a file of its own
    )


def _django(value: object, known: Fields) -> Found | None:
    headers = known.get("headers", known.get("_headers"))
    ours = class_name(headers) == "django.http.response.ResponseHeaders" or "_headers" in known
    if "_container" not in known or not ours:
        return None
    by_name = fields(fields(headers).get("_store")) or fields(headers)
    named = [members(pair) for pair in by_name.values()]
    parts = [reading.content(part) or b"" for part in members(known["_container"])[:_MOST_PARTS]]
    return Found(
        "Django",
        known.get("status_code", 200),  # an attribute of the class unless it was set
        known.get("_reason_phrase") or "",
        headers=[(wording(pair[0]), wording(pair[1])) for pair in named if len(pair) == 2],
        body=b"".join(parts),
    )


def _werkzeug(value: object, known: Fields) -> Found | None:
    kind = class_name(known.get("headers"))
    if not (kind.startswith("werkzeug.datastructures.") and kind.endswith(".Headers")) or "_status" not in known:
        return None
    parts = [reading.content(part) or b"" for part in members(known.get("response"))[:_MOST_PARTS]]
    return Found(
        "Flask" if class_name(value).startswith("flask.") else "Werkzeug",
        known.get("_status_code"),
        text(known["_status"]).partition(" ")[2],
        headers=header_pairs(fields(known["headers"]).get("_list")),
        body=b"".join(parts),
    )


_SHAPES: tuple[Callable[[object, Fields], Found | None], ...] = (
    _requests_cache, _aiohttp, _hishel, _cache_control, _django, _werkzeug,
)  # fmt: skip
