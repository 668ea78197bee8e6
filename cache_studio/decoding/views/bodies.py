"""The body of a response: its content coding undone within bounds, then decoded by its content type."""

import re

from cache_studio.decoding import compressed
from cache_studio.decoding.decode import decode
from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.json_text import decode_json, show_value
from cache_studio.decoding.plain_text import decode_text
from cache_studio.decoding.views.reading import text
from cache_studio.decoding.views.shapes import Body

MOST_SHOWN = 2_000_000
"""Bytes of a body that are decoded."""
_HEAD = 65_536
_SECONDS = 0.7
_MOST_CODINGS = 4
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)
_SAFE_CHARSET = re.compile(
    r"utf-?8|us-ascii|ascii|utf-?16(-?[lb]e)?|iso-?8859-?\d{1,2}|latin-?1|windows-?125\d|cp125\d|koi8-[ru]|"
    r"shift[_-]jis|euc-(jp|kr)|gb2312|gbk|gb18030|big5"
)
"""Those that pages are written in. Python has codecs under other names that are no charsets, and slow ones."""
_TEXTS = ("application/xml", "application/javascript", "application/x-ndjson", "application/x-www-form-urlencoded")


def body_of_bytes(data: bytes, headers: tuple[tuple[str, str], ...], total: int | None = None) -> Body:
    """The body as it is stored; `total` is its length when `data` is only its head."""
    kind = _first(headers, "content-type")
    stored = len(data) if total is None else max(total, len(data))
    whole, length, notes = _without_codings(data, _first(headers, "content-encoding"))
    if whole is data:
        length = stored
    shown = whole[:MOST_SHOWN]
    if len(shown) < length:
        notes.append(f"The first {len(shown):,} of {length:,} bytes are shown.")
    return Body(kind, stored, length, _decoded(shown, kind, length), shown[:_HEAD], tuple(notes))


def body_of_value(value: object, headers: tuple[tuple[str, str], ...]) -> Body:
    """A body that its library stored decoded: a text, or what its JSON holds."""
    note = "Stored decoded; its bytes are not recorded."
    kind = _first(headers, "content-type")
    if isinstance(value, str) and text(value):
        data = value.encode("utf-8", "replace")
        return Body(kind, len(data), len(data), _decoded(data[:MOST_SHOWN], kind, len(data)), data[:_HEAD], (note,))
    if not isinstance(value, list):  # of a pickle, or a number: nothing that JSON would call a document
        return Body(kind, 0, 0, _decoded(b"", kind, 0), b"", (note, "What it holds stands in the tree of the value."))
    return Body(kind, 0, 0, show_value(value), b"", (note,))


def _first(headers: tuple[tuple[str, str], ...], name: str) -> str:
    return next((value for found, value in headers if found.lower() == name), "")


def _without_codings(data: bytes, codings: str) -> tuple[bytes, int, list[str]]:
    """What the codings were put on, its whole length, and what there is to say about that."""
    notes: list[str] = []
    length = len(data)
    names = [name.strip().lower().removeprefix("x-") for name in codings[:200].split(",")]
    applied = [name for name in names if name not in ("", "identity")]
    if len(applied) > _MOST_CODINGS:
        return data, length, [f"More than {_MOST_CODINGS} content codings: shown as stored."]
    for name in reversed(applied):
        if name not in ("gzip", "deflate"):
            notes.append(f"The content coding {name} cannot be undone here: shown as stored.")
            break
        kind = _kind_of(data, name)
        if not kind:
            notes.append(f"The content coding {name} is already undone.")
            continue
        unpacked = compressed.unpack(data, kind, _SECONDS)
        data, length = unpacked.data, unpacked.total
        if unpacked.problem:
            notes.append(unpacked.problem)
        if unpacked.stopped:
            notes.append(f"{name}: at least {unpacked.total:,} bytes; not all were unpacked.")
            break
    return data, length, notes


def _kind_of(data: bytes, name: str) -> str:
    """How `data` is packed if it is packed so: libraries often keep the header of a coding they undid."""
    found = compressed.looks_packed(data)
    if name == "deflate" and not found and compressed.looks_raw(data):
        return "deflate"
    return found if found == ("gzip" if name == "gzip" else "zlib") else ""


def _decoded(data: bytes, kind: str, total: int) -> Decoded:
    name = kind.partition(";")[0].strip().lower()
    if name.endswith(("/json", "+json")):
        found = decode_json(data, total)
        return decode(data, "", total) if found.tree is None else found
    if (name.startswith("text/") or name in _TEXTS) and data:
        charset = _CHARSET.search(kind[:400])
        named = charset.group(1).lower() if charset else ""
        return decode_text(data, named if _SAFE_CHARSET.fullmatch(named) else "")
    return decode(data, "", total)
