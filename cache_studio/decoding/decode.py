"""Stored bytes to something to look at: what they are, layer by layer. Executes nothing."""

import threading
from collections.abc import Callable
from dataclasses import replace

from cache_studio import isolation
from cache_studio.decoding import base64_text, compressed
from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.json_text import decode_json
from cache_studio.decoding.message_pack import decode_msgpack, looks_like_msgpack
from cache_studio.decoding.nodes import Node
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.render import foreign_calls, pickle_tree, pickle_warnings
from cache_studio.decoding.pickled.values import Collection, Instance
from cache_studio.decoding.pictures import decode_picture, picture_format
from cache_studio.decoding.plain_text import decode_text, encoding_of
from cache_studio.decoding.sounds import decode_wav, looks_like_wav
from cache_studio.model.errors import LimitExceeded

HINTS = ("", "json", "text", "bytes", "pickle", "msgpack", "zlib", "gzip", "base64")
"""What a format may know of its values; "" has the bytes looked at."""
LIMITS = isolation.Limits(seconds=5.0, memory=1_000_000_000)
_MOST_LAYERS = 8
_MOST_CALLS = 200
_OLD_PICKLE = b"(]}c"
_CACHE_CONTROL = b"cc=4,"
_JSON_STARTS = '{["-0123456789tfnNI'


def decode(data: bytes, hint: str = "", total: int | None = None) -> Decoded:
    """What `data` holds. `total` is the length of the value of which `data` is only the head.

    Pure and bounded, but not by time: services call `decode_isolated`.
    """
    return _decode(data, hint, len(data) if total is None else total, _MOST_LAYERS)


def decode_flat(data: bytes, hint: str, total: int | None) -> list[object]:
    """`decode` for the wire: what the child runs."""
    return decode(data, hint, total).to_list()


def decode_isolated(
    worker: isolation.Worker,
    data: bytes,
    hint: str = "",
    total: int | None = None,
    stop: threading.Event | None = None,
    limits: isolation.Limits = LIMITS,
) -> Decoded:
    """`decode` in the worker's child. Over its limits the result has only a problem; raises Cancelled on `stop`."""
    try:
        flat = worker.call(f"{__name__}:decode_flat", data, hint, total, limits=limits, stop=stop)
    except LimitExceeded as error:
        return Decoded(problem=f"The decoder was stopped. {error.message} The bytes are shown as hex.")
    assert isinstance(flat, list)
    return Decoded.from_list(flat)


def _decode(data: bytes, hint: str, total: int, layers: int) -> Decoded:
    if hint == "bytes" or layers <= 0:
        return Decoded(problem="" if layers > 0 else f"More than {_MOST_LAYERS} layers; the rest is shown as bytes.")
    if hint in _BY_HINT:
        return _BY_HINT[hint](data, total, layers)
    if not data:
        return Decoded(("text",)).showing("")
    return _binary(data, total, layers) or _textual(data, total, layers) or Decoded()


def _binary(data: bytes, total: int, layers: int) -> Decoded | None:
    """What is known by its first bytes."""
    if picture := picture_format(data):
        return decode_picture(data, picture, total)
    if looks_like_wav(data):
        return decode_wav(data, total)
    if packed := compressed.looks_packed(data):
        return _unpacked(data, packed, total, layers)
    if data.startswith(_CACHE_CONTROL):
        return _msgpack(data, total, layers)
    if data[0] == 0x80 and data[1:2] and 2 <= data[1] <= 5:
        return _pickle(data, total, layers)
    if data[0] in _OLD_PICKLE and data[-1:] == b"." and _is_old_pickle(data):
        return _pickle(data, total, layers)
    if encoding_of(data) != "utf-8" and looks_like_msgpack(data):
        return decode_msgpack(data, total)
    return None


def _is_old_pickle(data: bytes) -> bool:
    """Protocols 0 and 1 have no mark of their own: all of it must be one pickle, of more than a plain value."""
    reading = read_pickle(data)
    return not reading.problem and reading.end == len(data) and isinstance(reading.root, Collection | Instance)


def _textual(data: bytes, total: int, layers: int) -> Decoded | None:
    encoding = encoding_of(data)
    if not encoding:
        return None
    if encoding == "utf-8" and (found := _base64(data, layers)):
        return found
    start = data[:4096].decode(encoding, "replace").lstrip("\ufeff \t\r\n")[:1]
    if start and start in _JSON_STARTS:
        decoded = decode_json(data, total)
        # A broken object is broken JSON; a broken number is a text that begins with a digit.
        if start in "{[" or not (decoded.problem or decoded.trailing):
            return decoded
    return decode_text(data, encoding)


def _base64(data: bytes, layers: int) -> Decoded | None:
    """The layers inside base64 if they are of a kind that no accident makes."""
    inner = base64_text.unwrap(data)
    if not inner:
        return None
    found = _binary(inner, len(inner), layers - 1)
    if found is None and inner[:1] in (b"{", b"["):
        found = decode_json(inner, len(inner))
    if found is None or found.problem or found.trailing or found.chain[:1] == ("msgpack",):
        return None
    return found.under("base64")


def _any_base64(data: bytes, total: int, layers: int) -> Decoded:
    inner = base64_text.unwrap(data)
    if inner is None:
        return replace(decode_text(data), problem="At byte 0: no base64.")
    return _decode(inner, "", max(len(inner), total * 3 // 4 if total > len(data) else 0), layers - 1).under("base64")


def _unpacked(data: bytes, kind: str, total: int, layers: int) -> Decoded:
    # Half as long with each layer, so that bombs in bombs are stopped, too, before the child is.
    unpacked = compressed.unpack(data, kind, compressed.LONGEST_COUNT / 2 ** (_MOST_LAYERS - layers))
    warnings = []
    if unpacked.total > len(unpacked.data):
        least = "at least " if unpacked.stopped else ""
        warnings.append(f"{kind}: the first {len(unpacked.data):,} of {least}{unpacked.total:,} bytes are shown.")
    cut_short = unpacked.problem and total > len(data)
    # What was unpacked is a head of unknown length: its decoder must not take the end for a fault of the value.
    inner_total = unpacked.total + 1 if unpacked.problem else unpacked.total
    inner = _decode(unpacked.data, "", inner_total, layers - 1)
    problem = f"Only the first {len(data):,} of {total:,} bytes were read." if cut_short else unpacked.problem
    return replace(inner.under(kind, *warnings), problem=problem or inner.problem, trailing=unpacked.trailing)


def _pickle(data: bytes, total: int, layers: int) -> Decoded:
    reading = read_pickle(data)
    problem = reading.problem
    if problem and total > len(data) and reading.end >= len(data) - 8:
        problem = f"Only the first {len(data):,} of {total:,} bytes were read."
    tree = pickle_tree(reading.root)
    decoded = Decoded(
        ("pickle",),
        tree,
        calls=tuple(call.name for call in foreign_calls(reading)[:_MOST_CALLS]),
        warnings=pickle_warnings(reading),
        problem=problem,
        trailing=0 if problem else len(data) - reading.end,
        content=reading.root,
    )
    if isinstance(reading.root, str):
        decoded = decoded.showing(reading.root)
    return _with_second_part(decoded, data[reading.end :], layers) if decoded.trailing else decoded


def _msgpack(data: bytes, total: int, layers: int) -> Decoded:
    """msgpack, also behind the mark that CacheControl puts before it."""
    if not data.startswith(_CACHE_CONTROL):
        return decode_msgpack(data, total)
    skipped = len(_CACHE_CONTROL)
    return decode_msgpack(data[skipped:], total - skipped).under("cc=4")


def _with_second_part(first: Decoded, rest: bytes, layers: int) -> Decoded:
    """An expiry and then the packed value is how Django's files are written: both parts are shown."""
    if not compressed.looks_packed(rest) or layers <= 1:
        return first
    second = _decode(rest, "", len(rest), layers - 1)
    tree = Node("tuple", note="two parts", count=2, children=[part for part in (first.tree, second.tree) if part])
    for number, part in enumerate(tree.children, 1):
        part.key = f"part {number}"
    return replace(
        second,
        chain=(*first.chain, *second.chain),
        tree=tree,
        calls=first.calls + second.calls,
        warnings=first.warnings + second.warnings,
    )


_BY_HINT: dict[str, Callable[[bytes, int, int], Decoded]] = {
    "json": lambda data, total, layers: decode_json(data, total),
    "text": lambda data, total, layers: decode_text(data),
    "pickle": _pickle,
    "msgpack": _msgpack,
    "zlib": lambda data, total, layers: _unpacked(data, "zlib", total, layers),
    "gzip": lambda data, total, layers: _unpacked(data, "gzip", total, layers),
    "base64": _any_base64,
}
