"""Batches on their way out of a child: columns as bytes and lists, so that taking them in costs next to nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cache_studio.model.columns import NUMBERS, STAMP_WIDTH, Batch

FRAME_ROWS = 2_000
"""Entries in one frame: unpacking more would hold the interpreter where a window waits for it."""


def frame_of(batch: Batch) -> dict[str, Any]:
    """A batch as what msgpack carries; ids are text."""
    return {
        "ids": batch.ids,
        "keys": batch.keys,
        "stamps": batch.stamps.tobytes(),
        "numbers": {name: batch.numbers[name].tobytes() for name in NUMBERS},
        "namespaces": _one_or_all(batch.namespaces),
        "types": _one_or_all(batch.types),
        "tags": batch.tags,
        "problems": dict(batch.problems),
        "pending": batch.pending.tobytes(),
    }


def batch_from(frame: Mapping[str, Any]) -> Batch:
    """The batch that `frame_of` packed."""
    ids, tags = frame["ids"], frame["tags"]
    return Batch(
        ids=ids,
        keys=frame["keys"],
        stamps=np.frombuffer(frame["stamps"], np.int64).reshape(len(ids), STAMP_WIDTH),
        numbers={name: np.frombuffer(column, np.float64) for name, column in frame["numbers"].items()},
        namespaces=_all_of(frame["namespaces"], len(ids)),
        types=_all_of(frame["types"], len(ids)),
        tags=None if tags is None else [tuple(found) for found in tags],
        problems=frame["problems"],
        pending=np.frombuffer(frame["pending"], np.uint8),
    )


def _one_or_all(texts: Sequence[str]) -> str | Sequence[str]:
    return texts[0] if len(set(texts)) == 1 else texts


def _all_of(texts: str | list[str], count: int) -> list[str]:
    return [texts] * count if isinstance(texts, str) else texts
