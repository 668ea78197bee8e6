"""The studio's side of hishel 2."""

import math
import sqlite3
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cache_studio.adapters.hishel.bodies import Summary
from cache_studio.adapters.hishel.entries import EntriesAdapter, Moments
from cache_studio.adapters.hishel.layout import COLUMNS, Head
from cache_studio.adapters.sqlite_columns import numbers
from cache_studio.adapters.sqlite_expiries import ComparedExpiries, with_set_expiry
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch
from cache_studio.model.payload import Fact

WRITING_SECONDS = 180.0
"""How long an unfinished entry waits for its writer before hishel removes it, unless its application says otherwise."""
_TTI = "It ends when it was not read for a while (TTI): the application moves its expiry at the next read."
_HIDDEN = "The application has removed it; it waits to be cleaned up."
_UNFINISHED = "It is still being written."


class HishelAdapter(EntriesAdapter, ComparedExpiries):
    """Entries whose expiry is a column that the library looks at whenever it is asked."""

    generation = "2"
    own_columns = COLUMNS
    cut_off = "A response that the application is reading from this cache at that moment ends with an error."
    abilities = (Ability.ACCESS_TIMES,)

    def _set_capabilities(self, abilities: Collection[Ability], writable: bool) -> None:
        super()._set_capabilities(abilities, writable)
        self.capabilities = with_set_expiry(self.capabilities)

    def moments(
        self, cells: Mapping[str, Sequence[Cell]], heads: Sequence[Head | None], bodies: Sequence[Summary]
    ) -> Moments:
        """Last access (kept to the minute) and expiry; an unfinished entry ends when nobody writes it any more."""
        accessed, expires = numbers(cells["last_accessed_at"]), numbers(cells["expires_at"])
        unfinished = np.array([cell is None for cell in cells["chunk_count"]])
        never = np.array([cell is None for cell in cells["expires_at"]])
        expires = np.where(never, np.inf, expires)
        expires = np.where(unfinished, accessed + WRITING_SECONDS, expires)
        return Moments(np.full(len(heads), np.nan), accessed, expires)

    def problem_of(self, cells: Mapping[str, Cell], body: Summary) -> str:
        """Chunks that are missing."""
        count = cells["chunk_count"]
        if isinstance(count, int) and body.chunks < count:
            return f"Of the {count} chunks of its body {count - body.chunks} are missing."
        return ""

    def own_facts(self, cells: Mapping[str, Cell]) -> list[Fact]:
        """Whether it is hidden or unfinished, and its idle limit."""
        facts = [Fact("State", reason)] if (reason := _no_expiry(cells)) and reason != _TTI else []
        return facts + ([Fact("TTI", f"{cells['tti']:g} s")] if isinstance(cells["tti"], int | float) else [])

    def _expiry_cells(
        self, connection: sqlite3.Connection, row: Sequence[Cell], batch: Batch, at: int, moment: float
    ) -> tuple[Mapping[str, Cell], float] | str:
        """The expiry and the deadline that the library computes it from; refused where it would move it by itself."""
        reason = _no_expiry(dict(zip(self.listed_names, row, strict=True)))
        stored = None if math.isinf(moment) else moment
        return reason or ({"expires_at": stored, "ttl_deadline": stored}, moment)


def _no_expiry(cells: Mapping[str, Cell]) -> str:
    """Why the library would not keep to an expiry that is set from outside, or ""."""
    if cells["chunk_count"] is None:
        return _UNFINISHED
    if cells["expires_at"] == 0:
        return _HIDDEN
    return "" if cells["tti"] is None else _TTI
