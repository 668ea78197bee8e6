"""The studio's side of hishel 2."""

import math
import time
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cache_studio.adapters.base import SetsExpiry
from cache_studio.adapters.hishel.bodies import Summary
from cache_studio.adapters.hishel.entries import EntriesAdapter, Moments
from cache_studio.adapters.hishel.layout import COLUMNS, ENTRIES, Head
from cache_studio.adapters.sqlite_adapter import LOCK_SECONDS, REST_SECONDS
from cache_studio.adapters.sqlite_columns import numbers
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_rows import asking, digest_of
from cache_studio.model.capabilities import Ability
from cache_studio.model.identity import EntryId
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Renewal, Renewed, Seen

WRITING_SECONDS = 180.0
"""How long an unfinished entry waits for its writer before hishel removes it, unless its application says otherwise."""
_TTI = "It ends when it was not read for a while (TTI): the application moves its expiry at the next read."
_HIDDEN = "The application has removed it; it waits to be cleaned up."
_UNFINISHED = "It is still being written."


class HishelAdapter(EntriesAdapter, SetsExpiry):
    """Entries whose expiry is a column that the library looks at whenever it is asked."""

    generation = "2"
    own_columns = COLUMNS
    abilities = (Ability.ACCESS_TIMES, Ability.SET_EXPIRY)

    def _set_capabilities(self, abilities: Collection[Ability], writable: bool) -> None:
        super()._set_capabilities(abilities, writable)
        if not self.capabilities.can(Ability.REMOVE):
            reason = self.capabilities.why_not(Ability.REMOVE)
            self.capabilities = self.capabilities.without([Ability.SET_EXPIRY], reason)

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

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """The expiry and the deadline that the library computes it from; refused where it would move it by itself."""
        self.capabilities.require(Ability.SET_EXPIRY)
        self.database.require_same_file()
        answers: dict[EntryId, Renewal] = {}
        chosen: list[tuple[EntryId, bytes, float]] = []
        current = self._current([entry.id for entry in entries])
        for entry, moment in zip(entries, expires, strict=True):
            row = self.rows.fetch(self.database.rows, entry.id) if entry.id in current else None
            if row is None:
                answers[entry.id] = Renewal(entry.id, Renewed.GONE)
                continue
            batch, place = current[entry.id]
            reason = _no_expiry(dict(zip(self.rows.columns, row, strict=True)))
            if tuple(int(part) for part in batch.stamps[place]) != entry.stamp:
                answers[entry.id] = Renewal(entry.id, Renewed.CHANGED)
            elif reason:
                answers[entry.id] = Renewal(entry.id, Renewed.FAILED, reason=reason)
            else:
                chosen.append((entry.id, digest_of(row), moment))
        self._set_chosen(chosen, answers)
        return [answers[entry.id] for entry in entries]

    def _set_chosen(self, chosen: Sequence[tuple[EntryId, bytes, float]], answers: dict[EntryId, Renewal]) -> None:
        left = list(chosen)
        while left:
            done: list[Renewal] = []
            with self.database.writing() as connection:
                end = time.perf_counter() + LOCK_SECONDS
                for entry_id, digest, moment in left:
                    row = self.rows.fetch(asking(connection), entry_id)
                    if row is None or digest_of(row) != digest:
                        done.append(Renewal(entry_id, Renewed.GONE if row is None else Renewed.CHANGED))
                    else:
                        stored = None if math.isinf(moment) else moment
                        connection.execute(
                            f"UPDATE {ENTRIES} SET expires_at = ?, ttl_deadline = ? WHERE id = ?",
                            (stored, stored, entry_id),
                        )
                        done.append(Renewal(entry_id, Renewed.SET, moment))
                    if time.perf_counter() > end:
                        break
            answers |= {answer.id: answer for answer in done}
            left = left[len(done) :]
            if left:
                time.sleep(REST_SECONDS)


def _no_expiry(cells: Mapping[str, Cell]) -> str:
    """Why the library would not keep to an expiry that is set from outside, or ""."""
    if cells["chunk_count"] is None:
        return _UNFINISHED
    if cells["expires_at"] == 0:
        return _HIDDEN
    return "" if cells["tti"] is None else _TTI
