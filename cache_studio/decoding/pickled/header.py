"""A few plain fields from the top of a pickled dict, cheap enough for a listing of 100,000 files."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from cache_studio.decoding.pickled.friendly import Friendly, read_call
from cache_studio.decoding.pickled.machine import Budget
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection, Instance

Plain = None | bool | int | float | str | tuple[str, ...]
"""What a field can be: a moment is UTC epoch seconds, a span of time seconds, a set of text a sorted tuple."""

WANTED = ("created_at", "ttl", "tags", "namespace")
_BUDGET = Budget(largest=4096)


@dataclass(frozen=True, slots=True)
class PickleHeader:
    """`fields` has the wanted fields that are there and have a plain value (one that is stored as None is None).

    `keys` are all text keys of the dict, `problem` one sentence when the pickle is broken or holds no dict.
    """

    fields: dict[str, Plain]
    keys: tuple[str, ...]
    problem: str


def pickle_header(data: bytes, wanted: Sequence[str] = WANTED) -> PickleHeader:
    """The `wanted` fields of a pickled dict, without executing anything. A moment without a zone counts as UTC.

    A field that is twice in the dict has its last value, as in the owning application.
    """
    reading = read_pickle(data, budget=_BUDGET)
    root: object = reading.root
    if isinstance(root, Instance):
        root = read_call(root)
    if not isinstance(root, Collection) or root.kind not in ("dict", "OrderedDict"):
        return PickleHeader({}, (), reading.problem or "The pickle holds no dict.")
    keys = [key for key in root.items[::2] if isinstance(key, str)]
    chosen = frozenset(wanted)
    last = {key: value for key, value in root.pairs() if isinstance(key, str) and key in chosen}
    read = {key: _plain(value) for key, value in last.items()}
    fields = {key: plain for key, (known, plain) in read.items() if known}
    return PickleHeader(fields, tuple(keys), reading.problem)


def _plain(value: object) -> tuple[bool, Plain]:
    """Whether the value is plain, and as what."""
    if value is None or isinstance(value, bool | int | float | str):
        return True, value
    read: object = read_call(value) if isinstance(value, Instance) else value
    if isinstance(read, Friendly):
        return _moment(read.value)
    if isinstance(read, Collection) and read.kind in ("set", "frozenset", "list", "tuple"):
        words = [item for item in read.items if isinstance(item, str)]
        if len(words) == len(read.items):
            return True, tuple(sorted(words))
    return False, None


def _moment(value: object) -> tuple[bool, Plain]:
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return True, aware.timestamp()
    if isinstance(value, datetime.timedelta):
        return True, value.total_seconds()
    return isinstance(value, bool | int | float | str), value if isinstance(value, bool | int | float | str) else None
