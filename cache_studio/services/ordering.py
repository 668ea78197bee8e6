"""Which rows, in which order: what the list, an export and `list --sort` show. Runs outside the window's thread."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import Mask, View
from cache_studio.model.errors import BadRequest, Cancelled

CHUNK = 2_000
"""Keys taken between two questions whether to stop: in one call of the interpreter each, less than a millisecond."""
KEY_BYTES = 64
"""Keys are compared by so many bytes at once; ties of longer keys are put in order afterwards."""
WORD = 8
"""Bytes by which keys are compared first: as numbers, two to five times as fast as texts."""
MOST_TIES = 0.05
"""Where more keys than this share have the same word, all are compared by `KEY_BYTES`."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A column's name and a direction."""

    column: str = "key"
    descending: bool = False


_NUMBER_OF = {
    "size": ("size", 1),
    "age": ("created", -1),
    "ttl": ("expires", 1),
    "last read": ("accessed", -1),
    "hits": ("hits", 1),
    "created": ("created", 1),
    "accessed": ("accessed", 1),
    "expires": ("expires", 1),
}
SORT_COLUMNS = ("key", "namespace", "type", *_NUMBER_OF, "tags")
"""What a list can be sorted by. `last read` is the time since, like `age`."""


_ALSO = {"created_at": "created", "accessed_at": "accessed", "expires_at": "expires", "idle": "last read"}


def parse_sort(text: str) -> Sort:
    """A column as a command names it: also by the fields of `list`, with "-" before it for descending.

    BadRequest for an unknown one.
    """
    name = text.removeprefix("-")
    name = _ALSO.get(name, name)
    if name not in SORT_COLUMNS:
        raise BadRequest(f"There is no column “{name}” to sort by.", "Columns: " + ", ".join(SORT_COLUMNS) + ".")
    return Sort(name, text.startswith("-"))


def ordered(view: View, mask: Mask, sort: Sort, stop: Callable[[], bool] = lambda: False) -> NDArray[np.int32]:
    """The rows of `mask` in order; entries without the figure come last in both directions.

    Equal ones keep the order of the listing. Raises Cancelled as soon as `stop` says so, BadRequest for an
    unknown column.
    """
    rows = np.flatnonzero(mask)
    if sort.column == "key":
        order = _by_key(view, rows, stop)
        order = order[::-1] if sort.descending else order
    elif sort.column in _NUMBER_OF:
        name, sign = _NUMBER_OF[sort.column]
        values = view.numbers[name][rows] * (-sign if sort.descending else sign)
        order = np.argsort(values, kind="stable")
    else:
        order = np.argsort(_ranks(view, sort)[rows], kind="stable")
    if stop():
        raise Cancelled
    return rows[order].astype(np.int32)


def _ranks(view: View, sort: Sort) -> NDArray[np.int64]:
    columns: dict[str, tuple[NDArray[np.int32], list[str] | list[tuple[str, ...]]]] = {
        "namespace": (view.namespace_codes, view.namespace_names),
        "type": (view.type_codes, view.type_names),
        "tags": (view.tag_codes, view.tag_sets),
    }
    if sort.column not in columns:
        raise BadRequest(f"There is no column “{sort.column}” to sort by.", "Columns: " + ", ".join(SORT_COLUMNS) + ".")
    codes, names = columns[sort.column]
    rank = np.empty(len(names) + 1, np.int64)
    order = sorted(range(len(names)), key=lambda code: names[code])
    rank[order] = np.arange(len(names)) * (-1 if sort.descending else 1)
    if sort.column == "type":
        rank[[code for code, name in enumerate(names) if name == ""]] = len(names)  # not known
    rank[-1] = len(names)
    return rank[codes]


def _by_key(view: View, rows: NDArray[np.intp], stop: Callable[[], bool]) -> NDArray[np.intp]:
    heads = _heads(view.keys, rows, stop)
    words = _telling_words(heads)
    order = np.argsort(words, kind="stable")
    if np.count_nonzero(_repeats(words[order])) > MOST_TIES * rows.size:
        order = np.argsort(heads, kind="stable")
        return _settle_ties(_repeats(heads[order]), order, lambda at: view.keys[rows[at]])
    return _settle_ties(_repeats(words[order]), order, lambda at: view.keys[rows[at]])


def _heads(keys: list[str], rows: NDArray[np.intp], stop: Callable[[], bool]) -> NDArray[np.bytes_]:
    """The beginnings of the keys as UTF-8, at least as wide as a word."""
    longest = max((len(keys[row]) for row in rows[:1000]), default=0)
    width = max(WORD, min(KEY_BYTES, longest * 4))
    heads = np.empty(rows.size, dtype=f"S{width}")
    for start in range(0, rows.size, CHUNK):
        if stop():
            raise Cancelled
        part = list(map(keys.__getitem__, rows[start : start + CHUNK].tolist()))
        try:
            heads[start : start + CHUNK] = part  # cuts them; takes ASCII alone, three times as fast
        except UnicodeEncodeError:
            heads[start : start + CHUNK] = [key[:width].encode("utf-8", "surrogatepass") for key in part]
    return heads


def _telling_words(heads: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    """Of each the eight bytes from the first on in which any two differ, as a number: behind a common prefix."""
    width = heads.dtype.itemsize
    octets = heads.view(np.uint8).reshape(heads.size, width)
    differing = np.flatnonzero(octets.min(axis=0, initial=255) != octets.max(axis=0, initial=0))
    first = min(int(differing[0]) if differing.size else 0, width - WORD)
    return np.ascontiguousarray(octets[:, first : first + WORD]).view(">u8").ravel().astype(np.uint64)


def _repeats(ordered: NDArray[np.generic]) -> Mask:
    """Of each but the first whether it equals the one before."""
    same: Mask = ordered[1:] == ordered[:-1]
    return same


def _settle_ties(same: Mask, order: NDArray[np.intp], key_at: Callable[[int], str]) -> NDArray[np.intp]:
    if not same.any():
        return order
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        run = order[start : end + 1].tolist()
        run.sort(key=key_at)
        order[start : end + 1] = run
    return order
