"""Makes columns of the frames in which the child hands over the entries of a JSON file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cache_studio.adapters import json_rows
from cache_studio.model.columns import Batch, Floats, make_batch
from cache_studio.model.identity import EntryId


@dataclass(frozen=True, slots=True)
class Expiry:
    """How a format derives the first stale moment of an entry that stores none."""

    ttl: float | None
    """Seconds, for entries without a TTL of their own."""
    after_ttl: bool
    """Whether an entry is stale only after its TTL has passed, not at its end."""
    without_created: float
    """The answer for an entry that has a TTL but no creation time."""

    def of(self, numbers: Mapping[str, Floats]) -> Floats:
        """created + TTL, +inf for an endless TTL, NaN where it cannot be known."""
        own = numbers["ttl_field"]
        ttl = own if self.ttl is None else np.where(np.isnan(own), self.ttl, own)
        created = numbers["created"]
        expires = created + ttl
        if self.after_ttl:
            expires = np.nextafter(expires, np.inf)
        expires = np.where(np.isnan(created) & ~np.isnan(ttl), self.without_created, expires)
        result: Floats = np.where(np.isposinf(ttl), np.inf, expires)
        return result


def batch_of(frame: Mapping[str, Any], expiry: Expiry) -> Batch:
    """The columns of one frame of `json_rows.rows`."""
    keys, repeats = frame["keys"], frame["repeats"]
    names = frame["names"] or keys
    ids: list[EntryId] = list(names)
    for row, occurrence in repeats.items():
        ids[row] = (names[row], occurrence)
    stamps = np.frombuffer(frame["stamps"], np.int64).reshape(-1, 3)
    numbers = {
        role: np.frombuffer(frame[role]) if frame[role] is not None else np.full(len(keys), np.nan)
        for role in (*json_rows.TIMES, *json_rows.FIGURES)
    }
    expires = (numbers["expires"] if frame["expires"] is not None else expiry.of(numbers)).copy()
    expires[frame["undecoded"]] = np.nan
    tags = frame["tags"]
    return make_batch(
        ids,
        keys,
        stamps,
        namespaces=frame["namespaces"] or "",
        tags=None if tags is None else [tuple(found) for found in tags],
        problems=frame["problems"],
        size=stamps[:, 0].astype(np.float64),
        created=numbers["created"],
        accessed=numbers["accessed"],
        expires=expires,
        hits=numbers["hits"],
    )
