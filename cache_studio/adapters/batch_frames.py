"""Batches on their way out of a child: columns as bytes and lists, so that taking them in costs next to nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from cache_studio.model.columns import NUMBERS, STAMP_WIDTH, Batch
from cache_studio.model.identity import EntryId

FRAME_ROWS = 2_000
"""Entries in one frame: unpacking more would hold the interpreter where a window waits for it."""
TOLD = "told"
"""The only key of a last frame that says what could not be listed."""
_FEW = 256
"""So many different texts of a column go as a table and a byte for each row."""


def frame_of(batch: Batch) -> dict[str, Any]:
    """A batch as what msgpack carries. A column in which nothing is recorded stays behind."""
    return {
        "ids": batch.ids,
        "keys": None if batch.keys == batch.ids else batch.keys,
        "stamps": batch.stamps.tobytes(),
        "numbers": {name: column.tobytes() for name in NUMBERS if not np.isnan(column := batch.numbers[name]).all()},
        "namespaces": _packed(batch.namespaces),
        "types": _packed(batch.types),
        "tags": batch.tags,
        "problems": dict(batch.problems),
        "pending": batch.pending.tobytes(),
    }


def batch_from(frame: Mapping[str, Any]) -> Batch:
    """The batch that `frame_of` packed."""
    ids, tags, given = frame["ids"], frame["tags"], frame["numbers"]
    if list in set(map(type, ids)):
        ids = [id_from(found) for found in ids]
    return Batch(
        ids=ids,
        keys=ids if frame["keys"] is None else frame["keys"],
        stamps=np.frombuffer(frame["stamps"], np.int64).reshape(len(ids), STAMP_WIDTH),
        numbers={
            name: np.frombuffer(given[name], np.float64) if name in given else np.full(len(ids), np.nan)
            for name in NUMBERS
        },
        namespaces=_unpacked(frame["namespaces"], len(ids)),
        types=_unpacked(frame["types"], len(ids)),
        tags=None if tags is None else [tuple(found) for found in tags],
        problems=frame["problems"],
        pending=np.frombuffer(frame["pending"], np.uint8),
    )


def id_from(found: object) -> EntryId:
    """An id that crossed: a tuple arrives as a list."""
    if isinstance(found, list):
        return tuple(map(id_from, found))
    return cast(EntryId, found)  # nothing else was packed


def _packed(texts: Sequence[str]) -> list[Any]:
    """[the different texts, the number of that of each row], where there are few; numbers are left out for one."""
    table = list(dict.fromkeys(texts))
    if len(table) == 1:
        return [table, None]
    if len(table) > _FEW:
        return [texts, None]
    code = {text: number for number, text in enumerate(table)}
    return [table, bytes(map(code.__getitem__, texts))]


def _unpacked(packed: Sequence[Any], count: int) -> list[str]:
    table: list[str] = packed[0]
    codes: bytes | None = packed[1]
    if codes is not None:
        return list(map(table.__getitem__, codes))
    return table * count if len(table) == 1 else table
