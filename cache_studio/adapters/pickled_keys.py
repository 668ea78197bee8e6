"""Keys that are pickles, as text: read and never run."""

from cache_studio.decoding.pickled.friendly import Friendly, read_call
from cache_studio.decoding.pickled.machine import Budget
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection, HugeInt, Instance, Skipped

LONGEST_PICKLE = 20_000
"""Bytes of a pickled key that are read for its text."""
LONGEST_TEXT = 4_000
"""Characters of a pickled key that are shown."""
BROKEN = "Its key cannot be read."
_BUDGET = Budget(opcodes=10_000, seconds=0.05, largest=4_096)
_DEEPEST = 8
_MOST_VALUES = 200
_BRACKETS = {"tuple": ("(", ")"), "list": ("[", "]"), "dict": ("{", "}"), "set": ("{", "}")}


def pickle_text(data: bytes) -> tuple[str, str]:
    """A pickle as Python would write its value; nothing of it is run, what it would call is named."""
    if len(data) > LONGEST_PICKLE:
        return f"pickle of {len(data):,} bytes: {data[:32].hex()}…", ""
    reading = read_pickle(data, budget=_BUDGET)
    if reading.problem:
        return f"pickle: {data[:64].hex()}", BROKEN
    text = _Writer().text(reading.root)
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…", ""


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
