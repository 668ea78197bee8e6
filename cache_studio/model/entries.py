"""One entry as a frozen value, and as the object that `list --format json` prints."""

import math
from dataclasses import dataclass
from enum import StrEnum

from cache_studio.model.columns import View
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.times import format_iso


class State(StrEnum):
    """Where an entry stands in its life; the four counts of a cache add up to its entries."""

    FRESH = "fresh"
    STALE = "stale"
    FOREVER = "forever"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a view. None is *not recorded*; `expires_at` is +inf for never."""

    id: EntryId
    stamp: Stamp
    key: str
    namespace: str
    type: str
    size: float | None
    created_at: float | None
    accessed_at: float | None
    expires_at: float | None
    hits: int | None
    tags: tuple[str, ...] | None
    problem: str

    def state(self, now: float) -> State:
        """The state at `now`."""
        if self.expires_at is None:
            return State.UNKNOWN
        if math.isinf(self.expires_at):
            return State.FOREVER
        return State.STALE if self.expires_at <= now else State.FRESH

    def ttl(self, now: float) -> float | None:
        """Seconds left, negative when stale, +inf for forever, None when not recorded."""
        return None if self.expires_at is None else self.expires_at - now


def entry_at(view: View, row: int) -> Entry:
    """The entry of a row."""
    values = {name: float(column[row]) for name, column in view.numbers.items()}
    known = {name: None if math.isnan(value) else value for name, value in values.items()}
    code = int(view.tag_codes[row])
    return Entry(
        id=view.ids[row],
        stamp=view.stamp(row),
        key=view.keys[row],
        namespace=view.namespace_names[int(view.namespace_codes[row])],
        type=view.type_names[int(view.type_codes[row])],
        size=known["size"],
        created_at=known["created"],
        accessed_at=known["accessed"],
        expires_at=known["expires"],
        hits=None if known["hits"] is None else int(known["hits"]),
        tags=None if code < 0 else view.tag_sets[code],
        problem=view.problems.get(row, ""),
    )


def entry_object(entry: Entry, now: float) -> dict[str, object]:
    """The entry as JSON has it: times ISO 8601 with Z, `ttl` in seconds, unknown null, forever ttl null."""
    ttl = entry.ttl(now)
    return {
        "key": entry.key,
        "namespace": entry.namespace or None,
        "type": entry.type or None,
        "size": None if entry.size is None else int(entry.size),
        "created_at": format_iso(entry.created_at),
        "accessed_at": format_iso(entry.accessed_at),
        "expires_at": format_iso(entry.expires_at),
        "ttl": None if ttl is None or math.isinf(ttl) else round(ttl, 3),
        "state": entry.state(now).value,
        "hits": entry.hits,
        "tags": None if entry.tags is None else list(entry.tags),
        "stale": entry.state(now) is State.STALE,
        "problem": entry.problem or None,
    }
