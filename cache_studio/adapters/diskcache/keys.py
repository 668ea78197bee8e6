"""The keys of diskcache as text: stored as they are, as a pickle that is read and never run, or as packed JSON."""

import json
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress

from cache_studio.adapters.pickled_keys import BROKEN, pickle_text
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_text import shown_key

LONGEST_JSON = 1_000_000
_JSON_STARTS = {bytes([code]) for code in b'"[{-0123456789tfnNI'}


def key_text(key: Cell, raw: Cell, has_json: bool) -> tuple[str, str]:
    """A key as it is shown, and what is wrong with it or ""."""
    if has_json and isinstance(key, bytes):
        return _json_text(key)
    if raw or not isinstance(key, bytes):
        return shown_key(key), "" if key is not None else "Its key is NULL."
    return pickle_text(key)


def key_texts(keys: Sequence[Cell], raws: Sequence[Cell], has_json: bool) -> list[tuple[str, str]]:
    """`key_text` of many."""
    if set(map(type, keys)) == {str}:
        return [(str(key), "") for key in keys]
    return [key_text(key, raw, has_json) for key, raw in zip(keys, raws, strict=True)]


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


def _json_text(data: bytes) -> tuple[str, str]:
    try:
        packed = zlib.decompressobj()
        found = json.loads(packed.decompress(data, LONGEST_JSON))
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    except (zlib.error, ValueError, RecursionError):
        return data[:64].hex(), BROKEN
    return text, ""
