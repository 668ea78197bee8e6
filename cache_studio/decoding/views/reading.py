"""Questions to what was read, whether it was JSON, msgpack or a pickle. Nothing is converted that nobody asks for.

A value of another shape than the one asked for answers with nothing: "", {}, [], None or NaN.
"""

import base64
import binascii
import datetime
import email.utils
import math

from cache_studio.decoding.pickled.friendly import Friendly, object_made, read_call
from cache_studio.decoding.pickled.values import Collection, Global, Instance
from cache_studio.decoding.plain import Literal, Pairs

MOST_FIELDS = 10_000
MOST_MEMBERS = 100_000
_LONGEST_MOMENT = 100
_DICTS = ("dict", "OrderedDict", "defaultdict")
_LISTS = ("list", "tuple", "deque")


def class_name(value: object) -> str:
    """The full name of the class (or function) that would make an object of a pickle."""
    if not isinstance(value, Instance):
        return ""
    made = object_made(value)
    target = made[0] if made else value.target
    return str(target) if isinstance(target, Global) else ""


def arguments(value: object) -> list[object]:
    """What the class or function of an object of a pickle would be called with."""
    if not isinstance(value, Instance):
        return []
    made = object_made(value)
    return made[1] if made else members(value.arguments)


def states(value: object) -> list[object]:
    """What would be handed to `__setstate__` of an object of a pickle."""
    return list(value.states or ()) if isinstance(value, Instance) else []


def fields(value: object) -> dict[str, object]:
    """The text keys of a mapping, or the attributes of an object of a pickle; of doubles the last counts."""
    if isinstance(value, Pairs):
        return {key: item for key, item in value[:MOST_FIELDS] if isinstance(key, str)}
    if isinstance(value, Instance):
        read = read_call(value)
        return _of_dict(read) if isinstance(read, Collection) else _attributes(value)
    return _of_dict(value)


def _of_dict(value: object) -> dict[str, object]:
    if not isinstance(value, Collection) or value.kind not in _DICTS:
        return {}
    items = value.items[: 2 * MOST_FIELDS]
    return {key: item for key, item in zip(items[::2], items[1::2], strict=False) if isinstance(key, str)}


def _attributes(value: Instance) -> dict[str, object]:
    found: dict[str, object] = {}
    for state in value.states or ():
        parts = state.items if isinstance(state, Collection) and state.kind == "tuple" else [state]
        for part in parts[:2]:  # (dict or None, slots) is how objects with slots write them
            found |= _of_dict(part)
    if value.pairs:
        found |= _of_dict(Collection("dict", value.pairs))
    return found


def pairs(value: object) -> list[tuple[object, object]]:
    """The keys and values of a mapping in their order, doubles included."""
    if isinstance(value, Pairs):
        return value[:MOST_FIELDS]
    read = read_call(value) if isinstance(value, Instance) else value
    if not isinstance(read, Collection) or read.kind not in _DICTS:
        return []
    items = read.items[: 2 * MOST_FIELDS]
    return list(zip(items[::2], items[1::2], strict=False))


def members(value: object) -> list[object]:
    """The members of a list or tuple."""
    if isinstance(value, list) and not isinstance(value, Pairs):
        return value[:MOST_MEMBERS]
    read = read_call(value) if isinstance(value, Instance) else value
    return read.items[:MOST_MEMBERS] if isinstance(read, Collection) and read.kind in _LISTS else []


def text(value: object) -> str:
    """A text as it is; numbers are none."""
    return str(value) if isinstance(value, str) and not isinstance(value, Literal) else ""


def wording(value: object) -> str:
    """A text, bytes of Latin-1 (header fields are such) or a number, as text."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def number(value: object) -> float:
    """A number as float; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Literal):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):  # an integer of a thousand digits
        return math.nan


def whole(value: object, most: int = 10**15) -> int | None:
    """A whole number from 0 to `most`; None for anything else."""
    found = number(value)
    return int(found) if 0 <= found <= most and found == int(found) else None


def content(value: object) -> bytes | None:
    """Bytes, whichever way a pickle writes them."""
    if isinstance(value, Instance):
        read = read_call(value)
        value = read.value if isinstance(read, Friendly) else None
    elif isinstance(value, Collection) and value.kind == "bytearray":
        value = value.items[0]
    return value if isinstance(value, bytes) else None


def from_base64(value: object) -> bytes | None:
    """The bytes that a text of JSON stands for; None when it is no base64."""
    try:
        return base64.b64decode(text(value), validate=True)
    except (binascii.Error, ValueError):
        return None


def moment(value: object) -> float:
    """UTC epoch seconds of a datetime, an ISO text or seconds; without a zone it counts as UTC. NaN for all else."""
    found: object = value
    if isinstance(value, Instance):
        read = read_call(value)
        found = read.value if isinstance(read, Friendly) else None
    elif text(value):
        try:
            found = datetime.datetime.fromisoformat(text(value)[:_LONGEST_MOMENT])
        except ValueError:
            return math.nan
    if isinstance(found, datetime.datetime):
        return _epoch(found)
    return number(found)


def http_date(value: str) -> float:
    """UTC epoch seconds of an HTTP date; NaN when it is none."""
    try:
        return _epoch(email.utils.parsedate_to_datetime(value[:_LONGEST_MOMENT]))
    except (ValueError, TypeError, OverflowError, IndexError):
        return math.nan


def _epoch(found: datetime.datetime) -> float:
    try:
        return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, OverflowError):  # the year 1 with an offset
        return math.nan
