"""The keys of diskcache as text: stored as they are, as a pickle that is read and never run, or as packed JSON."""

import json
import zlib
from collections.abc import Iterable
from contextlib import suppress

from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.decoding.pickled.friendly import Friendly, read_call
from cache_studio.decoding.pickled.machine import Budget
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection, HugeInt, Instance, Skipped

LONGEST_PICKLE = 20_000
"""Bytes of a pickled key that are read for its text."""
LONGEST_JSON = 1_000_000
LONGEST_TEXT = 4_000
"""Characters of a pickled key that are shown."""
_BUDGET = Budget(opcodes=10_000, seconds=0.05, largest=4_096)
_DEEPEST = 8
_MOST_VALUES = 200
_BRACKETS = {"tuple": ("(", ")"), "list": ("[", "]"), "dict": ("{", "}"), "set": ("{", "}")}
_JSON_STARTS = {bytes([code]) for code in b'"[{-0123456789tfnNI'}
_BROKEN = "Its key cannot be read."


def key_text(key: Cell, raw: Cell, has_json: bool) -> tuple[str, str]:
    """A key as it is shown, and what is wrong with it or ""."""
    if has_json and isinstance(key, bytes):
        return _json_text(key)
    if raw or not isinstance(key, bytes):
        return shown_key(key), "" if key is not None else "Its key is NULL."
    return pickle_text(key)


def are_packed_json(pairs: Iterable[tuple[Cell, Cell]]) -> bool:
    """Whether some keys with their `raw` are as a JSONDisk writes them, every one; False when there are none."""
    looks = [isinstance(key, bytes) and bool(raw) and _is_packed_json(key) for key, raw in pairs]
    return bool(looks) and all(looks)


def _is_packed_json(data: bytes) -> bool:
    with suppress(zlib.error):
        return zlib.decompressobj().decompress(data, 10)[:1] in _JSON_STARTS
    return False


def kind_of_key(key: Cell, raw: Cell, has_json: bool) -> str:
    """In which way it is stored."""
    if isinstance(key, bytes) and (has_json or not raw):
        return "JSON, packed" if has_json else "pickle"
    return {str: "text", bytes: "bytes", int: "number", float: "number"}.get(type(key), "none")


def pickle_text(data: bytes) -> tuple[str, str]:
    """A pickle as Python would write its value; nothing of it is run, what it would call is named."""
    if len(data) > LONGEST_PICKLE:
        return f"pickle of {len(data):,} bytes: {data[:32].hex()}…", ""
    reading = read_pickle(data, budget=_BUDGET)
    if reading.problem:
        return f"pickle: {data[:64].hex()}", _BROKEN
    text = _Writer().text(reading.root)
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…", ""


def _json_text(data: bytes) -> tuple[str, str]:
    try:
        packed = zlib.decompressobj()
        found = json.loads(packed.decompress(data, LONGEST_JSON))
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    except (zlib.error, ValueError, RecursionError):
        return data[:64].hex(), _BROKEN
    return text, ""


class _Writer:
    """Writes one value; a pickle that repeats itself a million times is cut after some values."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def text(self, value: object, depth: int = 0) -> str:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return "…"
        if isinstance(value, Instance):
            read = read_call(value)
            if isinstance(read, Friendly):
                return repr(read.value) if isinstance(read.value, bytes) else read.text
            if read is None:
                return f"{value.name}({self._items(value.arguments, depth)})"
            value = read
        match value:
            case HugeInt():
                return value.text
            case Skipped():
                return f"<{value.kind} of {value.length:,} bytes>"
            case Collection():
                return self._collection(value, depth)
            case None | bool() | int() | float() | str() | bytes():
                return repr(value)
        return str(value) if type(value).__str__ is not object.__str__ else f"<{type(value).__name__.lower()}>"

    def _collection(self, value: Collection, depth: int) -> str:
        first, last = _BRACKETS.get(value.kind) or (f"{value.kind}(", ")")
        inside = self._items(value, depth)
        if value.kind == "tuple" and len(value.items) == 1:
            inside += ","
        return f"{first}{inside}{last}"

    def _items(self, value: object, depth: int) -> str:
        if not isinstance(value, Collection):
            return self.text(value, depth + 1)
        items = value.items[: _MOST_VALUES * 2]
        if value.kind == "dict":
            pairs = zip(items[::2], items[1::2], strict=False)
            return ", ".join(f"{self.text(key, depth + 1)}: {self.text(one, depth + 1)}" for key, one in pairs)
        return ", ".join(self.text(item, depth + 1) for item in items)
