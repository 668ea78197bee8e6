"""Decodes a value and recognises what it is to its application, in the child where decoding happens."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cache_studio import isolation
from cache_studio.decoding.decode import LIMITS, decode, decode_isolated
from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.json_text import decode_json
from cache_studio.decoding.views.conversations import llm_view
from cache_studio.decoding.views.reading import content, fields, members, text
from cache_studio.decoding.views.responses import http_view
from cache_studio.decoding.views.shapes import HttpView, Views
from cache_studio.decoding.views.tables import table_view
from cache_studio.model.errors import LimitExceeded

BODY = "body"
"""The piece of an entry that holds the body of its response."""
WORDS = ("prompt", "question", "messages", "input", "system", "llm")
"""Pieces of an entry that belong to the answer of a language model."""
_WRAPPED = ("value", "response", "data", "result", "body")
_MOST_WRAPPED = 4
_LONGEST_WORDS = 1_000_000
_TOO_MUCH = "It was not made out whether this is a response, an answer or a table: that took too much."
Beside = Mapping[str, tuple[bytes, int]]


def look(decoded: Decoded, beside: Beside) -> Views:
    """What a decoded value is. `beside` are the entry's other pieces by name: their bytes and whole lengths.

    Only values that were decoded in this process can be looked at: their `content` does not cross.
    """
    root = decoded.text if decoded.content is None else decoded.content
    if root is None:
        return Views()
    looked_at = [_parsed(value) for value in (root, *_wrapped(root))]
    for value in looked_at:
        http = http_view(value, beside.get(BODY))
        if http is not None:
            return _with_body(http, value)
    words = _words(beside)
    llm = next((said for value in looked_at if (said := llm_view(value, words)) is not None), None)
    if llm is not None:
        return Views(llm=llm)
    return Views(table=next((table for value in looked_at if (table := table_view(value)) is not None), None))


def look_flat(data: bytes, hint: str, total: int | None, beside: dict[str, Any]) -> list[object]:
    """Decode and look, for the wire: what the child runs."""
    decoded = decode(data, hint, total)
    views = look(decoded, {name: (part, length) for name, (part, length) in beside.items()})
    return [decoded.to_list(), views.to_list()]


def look_isolated(
    worker: isolation.Worker,
    data: bytes,
    hint: str,
    total: int,
    beside: Beside,
    stop: threading.Event | None = None,
    limits: isolation.Limits = LIMITS,
) -> tuple[Decoded, Views]:
    """Decode and look in the worker's child; raises Cancelled on `stop`.

    A value whose views go over the limits is only decoded, and says so.
    """
    needed = {name: list(part) for name, part in beside.items() if name == BODY or name in WORDS}
    try:
        flat = worker.call(f"{__name__}:look_flat", data, hint, total, needed, limits=limits, stop=stop)
    except LimitExceeded:
        decoded = decode_isolated(worker, data, hint, total, stop, limits)
        return replace(decoded, warnings=(*decoded.warnings, _TOO_MUCH)), Views()
    assert isinstance(flat, list)
    return Decoded.from_list(flat[0]), Views.from_list(flat[1])


def _wrapped(root: object) -> list[object]:
    """What an entry wraps: the value beside its times, in an object or a tuple."""
    known = fields(root)
    found = [known[name] for name in _WRAPPED if name in known]
    listed = members(root)
    return found + (listed if len(listed) <= _MOST_WRAPPED else [])


def _parsed(value: object) -> object:
    """The JSON that a text holds, else the value itself."""
    if isinstance(value, str) and value[:1] in ("{", "[") and len(value) <= _LONGEST_WORDS:
        inner = decode_json(value.encode("utf-8", "surrogatepass"), len(value)).content
        return value if inner is None else inner
    return value


def _words(beside: Beside) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in WORDS:
        if name in beside:
            found[name] = _parsed(beside[name][0][:_LONGEST_WORDS].decode("utf-8", "replace"))
    return found


def _with_body(http: HttpView, value: object) -> Views:
    """The views of what a response carries, too: an answer of a model that a client for HTTP has stored."""
    body = http.body
    if body is None or body.decoded.content is None:
        return Views(http=http)
    request = fields(fields(value).get("request")).get("body")
    asked = content(request)
    given = asked[:_LONGEST_WORDS].decode("utf-8", "replace") if asked is not None else text(request)
    words = {name: item for name, item in fields(_parsed(given)).items() if name in WORDS}
    return Views(http, llm_view(body.decoded.content, words), table_view(body.decoded.content))
