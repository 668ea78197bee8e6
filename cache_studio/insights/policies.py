"""Eviction policies: in which order entries go. Pure, on the columns of a view."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache_studio.insights.policy_names import POLICIES as POLICIES
from cache_studio.insights.score import intelligent_score
from cache_studio.model.columns import Floats, View
from cache_studio.model.errors import BadRequest, UnsupportedAction

_COUNTED_AS_NONE = {
    "hits": "Hits are not recorded and count as none for every entry.",
    "size": "Sizes are not recorded and count as none for every entry.",
}


@dataclass(frozen=True, slots=True)
class Order:
    """Rows of a view, the first to go first; `note` says what the policy fell back to, "" for nothing."""

    rows: NDArray[np.intp]
    note: str = ""


def eviction_order(policy: str, view: View, now: float) -> Order:
    """The order in which `policy` removes entries.

    Where its data is not recorded it falls back from last access to creation and says so; UnsupportedAction
    where nothing is left to go by, BadRequest for an unknown policy. Single entries without the figure go
    last: they are never guessed to be old.
    """
    rows = view.rows()
    columns = {name: column[rows] for name, column in view.numbers.items()}
    match policy:
        case "lru":
            recency, note = _recency(columns)
            return Order(rows[np.lexsort((recency,))], note)
        case "lfu":
            hits = _required(columns["hits"], "lfu", "hits")
            recency, note = _recency(columns)
            return Order(rows[np.lexsort((recency, _last(hits)))], note)
        case "fifo":
            created = _required(columns["created"], "fifo", "creation times")
            return Order(rows[np.lexsort((_last(created),))])
        case "ttl":
            return _by_ttl(rows, columns, now)
        case "size":
            size = _required(columns["size"], "size", "sizes")
            return Order(rows[np.lexsort((_last(-size),))])
        case "intelligent":
            return _by_score(rows, columns, now)
    raise BadRequest(f"There is no policy “{policy}”.", "Policies: " + ", ".join(POLICIES) + ".")


def _by_ttl(rows: NDArray[np.intp], columns: dict[str, Floats], now: float) -> Order:
    """The first expired, else least recently read (systems.md, S3)."""
    recency, note = _recency(columns)
    expires = columns["expires"]
    expired = np.where(expires <= now, expires, math.inf)
    return Order(rows[np.lexsort((recency, expired))], note)


def _by_score(rows: NDArray[np.intp], columns: dict[str, Floats], now: float) -> Order:
    """The lowest score first; what is not recorded counts as none."""
    notes = []
    known = dict(columns)
    for name, sentence in _COUNTED_AS_NONE.items():
        if _is_missing(columns[name]):
            known[name] = np.zeros_like(columns[name])
            notes.append(sentence)
    recency, fallback = _recency(columns)
    if _is_missing(columns["created"]):
        known["created"] = recency
        notes.append("Creation times are not recorded; the last access is used in their place.")
    idle, age = np.maximum(now - recency, 0), np.maximum(now - known["created"], 0)
    score = intelligent_score(idle, known["hits"], age, known["size"])
    return Order(rows[np.lexsort((_last(score),))], " ".join(filter(None, (*notes, fallback))))


def _recency(columns: dict[str, Floats]) -> tuple[Floats, str]:
    accessed, created = columns["accessed"], columns["created"]
    if not _is_missing(accessed):
        return _last(np.where(np.isnan(accessed), created, accessed)), ""
    if _is_missing(created):
        raise UnsupportedAction(
            "This policy needs the last access or the creation time, and this cache records neither.",
            "Choose the policy size.",
        )
    return _last(created), "Last access is not recorded; the creation time is used in its place."


def _required(column: Floats, policy: str, what: str) -> Floats:
    if _is_missing(column):
        raise UnsupportedAction(
            f"The policy {policy} needs {what}, and this cache does not record them.", "Choose another policy."
        )
    return column


def _is_missing(column: Floats) -> bool:
    """Whether no entry has this figure (and there are entries)."""
    return bool(column.size) and bool(np.isnan(column).all())


def _last(column: Floats) -> Floats:
    return np.where(np.isnan(column), math.inf, column)
