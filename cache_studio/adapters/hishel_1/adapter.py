"""The studio's side of hishel 1: times and deletion marks count as the packed head says them, not as the columns do."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cache_studio.adapters.hishel.bodies import Summary
from cache_studio.adapters.hishel.entries import EntriesAdapter, Moments
from cache_studio.adapters.hishel.layout import COLUMNS_1, Head
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Source

UNFINISHED_SECONDS = 3_600.0
"""After how long the library takes an entry for broken whose body was never completed."""


class Hishel1Adapter(EntriesAdapter):
    """Entries that end after their own TTL, or after the application's, which is not stored: an option."""

    generation = "1"
    own_columns = COLUMNS_1
    cut_off = "A response that the application is reading from this cache at that moment ends early, without an error."
    sources = {"expires": Source.DERIVED}

    def moments(
        self, cells: Mapping[str, Sequence[Cell]], heads: Sequence[Head | None], bodies: Sequence[Summary]
    ) -> Moments:
        """Creation and expiry by the library's rule."""
        default = self._options.get("ttl")
        ttl = float(default) if isinstance(default, int | float) else math.nan
        created = [math.nan if head is None else created_at(head) for head in heads]
        expires = [
            math.nan if head is None else expires_at(head, ttl, body.is_marked)
            for head, body in zip(heads, bodies, strict=True)
        ]
        return Moments(np.array(created), np.full(len(heads), np.nan), np.array(expires))

    def problem_of(self, cells: Mapping[str, Cell], body: Summary) -> str:
        """Nothing: how many chunks a body should have is not stored."""
        return ""

    def own_facts(self, cells: Mapping[str, Cell]) -> list[Fact]:
        """That the application has removed it, where its column says so."""
        return [] if cells["deleted_at"] is None else [Fact("State", "The application has removed it.")]


def created_at(head: Head) -> float:
    """When the entry was stored or renewed; NaN where that is not packed."""
    return _number(_part(head.fields, "meta").get("created_at"))


def expires_at(head: Head, default_ttl: float, is_complete: bool) -> float:
    """The first moment at which the library does not serve it any more; `default_ttl` NaN where it is not known."""
    created = created_at(head)
    own = _number(_part(_part(head.fields, "request"), "extra").get("hishel_ttl"))
    # A TTL of 0 counts as none, as the library has it.
    moments = [created + (own if own == own and own else default_ttl)]
    deleted = _number(_part(head.fields, "meta").get("deleted_at"))
    moments += [deleted] if deleted > 0 else []
    moments += [] if is_complete else [created + UNFINISHED_SECONDS]
    known = [moment for moment in moments if moment == moment]
    return min(known, default=math.nan)


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
