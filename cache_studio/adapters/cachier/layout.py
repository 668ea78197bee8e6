"""The layout: `.<module>.<function>` holds a dict of entries, `.<module>.<function>_<key>` one. Nothing is run."""

import datetime
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from cache_studio.decoding.pickled.friendly import Friendly, read_call
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection, Instance

SIGNATURE = (b"cachier.config", b"CacheEntry")
"""The class of an entry, as every pickle of them names it near its beginning."""
_ENTRY = "cachier.config.CacheEntry"
_HEAD = 2_000
_HASH = re.compile(r"(.+)_([0-9a-f]{64})", re.DOTALL).fullmatch


class Remembered(NamedTuple):
    """One remembered call."""

    key: str
    created: float
    """When its result was stored, NaN where that cannot be read."""
    calculating: bool
    """Whether the program said that it is at work on it."""
    value: object
    """As `decoding.pickled.values` has it."""


class Reading(NamedTuple):
    """What a file holds."""

    entries: list[Remembered]
    problem: str
    alone: bool = True
    """Whether the file is that of one entry."""


def is_name(name: str) -> bool:
    """Whether a file can be cachier's by its name: hidden, with a module and a function."""
    return name.startswith(".") and "." in name[1:]


def looks_like_entries(head: bytes) -> bool:
    """Whether it begins as a pickle that names the class of the entries."""
    return head[:1] == b"\x80" and all(name in head[:_HEAD] for name in SIGNATURE)


def split_name(name: str) -> tuple[str, str]:
    """Function and key of a file; the key is "" where the name has none that is a hash."""
    found = _HASH(name[1:])
    return (found[1], found[2]) if found else (name[1:], "")


def read_entries(content: bytes, name: str) -> Reading:
    """Every entry of a file."""
    reading = read_pickle(content)
    root = reading.root
    if isinstance(root, Instance) and root.name == _ENTRY:
        key = split_name(name)[1] or name.rpartition("_")[2]
        return Reading([_entry(key, root)], reading.problem)
    if not isinstance(root, Collection) or root.kind != "dict":
        return Reading([], reading.problem or "The pickle holds no entries of cachier.")
    return Reading(list(_entries(root)), reading.problem, False)


def _entries(root: Collection) -> Iterator[Remembered]:
    last = {_key_text(key): value for key, value in root.pairs()}
    for key, value in last.items():
        if isinstance(value, Instance) and value.name == _ENTRY:
            yield _entry(key, value)
        else:
            yield Remembered(key, math.nan, False, value)


def _key_text(key: object) -> str:
    return key if isinstance(key, str) else repr(key) if isinstance(key, int | float | bytes) else "?"


def _entry(key: str, found: Instance) -> Remembered:
    fields: dict[object, object] = {}
    for state in found.states or ():
        if isinstance(state, Collection) and state.kind == "dict":
            fields |= {name: value for name, value in state.pairs() if isinstance(name, str)}
    return Remembered(key, _moment(fields.get("time")), fields.get("_processing") is True, fields.get("value"))


def _moment(value: object) -> float:
    read = read_call(value) if isinstance(value, Instance) else None
    moment = read.value if isinstance(read, Friendly) else None
    try:
        return moment.timestamp() if isinstance(moment, datetime.datetime) else math.nan
    except (OverflowError, OSError, ValueError):
        return math.nan
