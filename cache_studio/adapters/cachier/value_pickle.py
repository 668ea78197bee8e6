"""One value of a pickle as a pickle of its own: what was read, written again. Nothing is run for it."""

import struct

from cache_studio.decoding.pickled.values import Collection, Foreign, Global, HugeInt, Instance, Skipped

_DEEPEST = 200
_LONGEST = 256_000_000
_SHARED_FROM = 64
"""Text and bytes from this length on are written once, however often they are in the value."""
_OPENED = {"list": b"]", "dict": b"}", "set": b"\x8f"}
_FILLED = {"list": b"e", "dict": b"u", "set": b"\x90"}
_GATHERED = {"tuple": b"t", "frozenset": b"\x91", "unfinished": b"l"}
_MADE = {"NEWOBJ": b"\x81", "NEWOBJ_EX": b"\x92"}


class _Writer:
    def __init__(self) -> None:
        self._parts: list[bytes] = [b"\x80\x05"]
        self._places: dict[int, int] = {}
        self._held: list[object] = []  # what has a place must live, or its id could be another's
        self._length = 0

    def finished(self, value: object) -> bytes:
        self._write(value, 0)
        return b"".join((*self._parts, b"."))

    def _write(self, value: object, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError("It is nested too deeply.")
        if id(value) in self._places:
            self._parts.append(b"j" + struct.pack("<I", self._places[id(value)]))
        elif isinstance(value, Collection):
            self._collection(value, depth + 1)
        elif isinstance(value, Instance):
            self._instance(value, depth + 1)
        elif isinstance(value, Global):
            self._parts += [_text(value.module), _text(value.name), b"\x93"]
        elif isinstance(value, Foreign):
            self._write(value.value, depth + 1)
            self._parts.append(b"Q")
        else:
            self._leaf(value)

    def _leaf(self, value: object) -> None:
        part = _plain(value)
        self._length += len(part)
        if self._length > _LONGEST:
            raise ValueError("It is too long.")
        self._parts.append(part)
        if isinstance(value, str | bytes) and len(part) >= _SHARED_FROM:
            self._remember(value)

    def _remember(self, value: object) -> None:
        self._places[id(value)] = len(self._places)
        self._held.append(value)
        self._parts.append(b"\x94")

    def _collection(self, value: Collection, depth: int) -> None:
        kind = value.kind
        if kind in _OPENED:
            self._parts.append(_OPENED[kind])
            self._remember(value)
            self._marked(value.items, depth, _FILLED[kind])
        elif kind == "bytearray":
            content = b"".join(item for item in value.items if isinstance(item, bytes))
            self._length += len(content)
            self._parts.append(b"\x96" + struct.pack("<Q", len(content)) + content)
            self._remember(value)
        else:
            self._marked(value.items, depth, _GATHERED.get(kind, b"l"))
            self._remember(value)

    def _marked(self, items: list[object], depth: int, end: bytes) -> None:
        self._parts.append(b"(")
        for item in items:
            self._write(item, depth)
        self._parts.append(end)

    def _instance(self, value: Instance, depth: int) -> None:
        self._write(value.target, depth)
        self._write(value.arguments, depth)
        if value.made_by == "NEWOBJ_EX":
            self._write(value.keywords, depth)
        self._parts.append(_MADE.get(value.made_by, b"R"))
        self._remember(value)
        if value.items is not None:
            self._marked(value.items, depth, b"e")
        if value.pairs is not None:
            self._marked(value.pairs, depth, b"u")
        for state in value.states or ():
            self._write(state, depth)
            self._parts.append(b"b")


def _plain(value: object) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8b" + struct.pack("<I", len(content)) + content
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return b"\x8e" + struct.pack("<Q", len(value)) + value
    if isinstance(value, HugeInt | Skipped):
        return _text(getattr(value, "text", "") or "too long to be shown")
    return _text(value if isinstance(value, str) else str(value))


def _text(value: str) -> bytes:
    content = value.encode("utf-8", "surrogatepass")
    return b"\x8d" + struct.pack("<Q", len(content)) + content


def value_pickle(value: object) -> bytes:
    """The value, pickled; ValueError where it is nested too deeply."""
    return _Writer().finished(value)
