"""Expiries of rows changed where the application obeys a column: compared and set in one short transaction."""

import sqlite3
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from cache_studio.adapters.base import SetsExpiry
from cache_studio.adapters.sqlite_adapter import RowsAdapter
from cache_studio.adapters.sqlite_open import Cell, bound, quoted
from cache_studio.adapters.sqlite_pages import Pages
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.model.seeing import Renewal, Renewed, Seen


def with_set_expiry(capabilities: Capabilities) -> Capabilities:
    """The same and SET_EXPIRY, which is lost for the same reason as removing."""
    offered = Capabilities(capabilities.allowed | {Ability.SET_EXPIRY}, capabilities.reasons)
    reason = capabilities.why_not(Ability.REMOVE)
    return offered.without([Ability.SET_EXPIRY], reason) if reason else offered


class ComparedExpiries(RowsAdapter, SetsExpiry):
    """Rows whose expiry is changed where each is still listed as it was seen."""

    @abstractmethod
    def _expiry_cells(
        self, connection: sqlite3.Connection, row: Sequence[Cell], batch: Batch, at: int, moment: float
    ) -> tuple[Mapping[str, Cell], float] | str:
        """The columns to set in the listed `row` (`batch` at `at`) for this moment (+inf: never), and the expiry that
        is listed for them from then on; or a sentence why it cannot be set.
        """

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """Each row that is listed with the same stamp gets its expiry; nothing else of it changes."""
        self.capabilities.require(Ability.SET_EXPIRY)
        self.capabilities.require(Ability.REMOVE)  # lost where the table turned out to be damaged
        self.database.require_same_file()
        wanted = list(zip(entries, expires, strict=True))
        if not wanted:
            return []
        with self.database.several():
            return self._renew_all(wanted)

    def _renew_all(self, wanted: Sequence[tuple[Seen, float]]) -> list[Renewal]:
        answers: list[Renewal] = []
        while len(answers) < len(wanted):
            try:
                with self.database.writing() as connection:
                    changed = self._renew_some(connection, wanted[len(answers) :])
            except CacheStudioError as error:
                if not answers:
                    raise
                left = wanted[len(answers) :]
                return answers + [Renewal(entry.id, Renewed.FAILED, reason=error.message) for entry, _moment in left]
            answers += changed
        return answers

    def _renew_some(self, connection: sqlite3.Connection, wanted: Sequence[tuple[Seen, float]]) -> list[Renewal]:
        done: list[Renewal] = []
        end = time.perf_counter() + self.lock_seconds
        for entry, moment in wanted:
            if done and time.perf_counter() > end:
                break
            done.append(self._renew(connection, entry, moment))
        return done

    def _renew(self, connection: sqlite3.Connection, entry: Seen, moment: float) -> Renewal:
        where, values = self.rows.place(entry.id)
        listed = Pages(self.database, self.rows.table, self._expressions())
        page = connection.execute(f"{listed.select} WHERE {where}", values).fetchall()
        batch = self._batch(page) if page else None
        if batch is None or entry.id not in batch.ids:
            return Renewal(entry.id, Renewed.GONE)
        at = batch.ids.index(entry.id)
        if tuple(int(part) for part in batch.stamps[at]) != entry.stamp:
            return Renewal(entry.id, Renewed.CHANGED)
        found = self._expiry_cells(connection, page[at], batch, at, moment)
        if isinstance(found, str):
            return Renewal(entry.id, Renewed.FAILED, reason=found)
        cells, stored = found
        marks = [(f"{quoted(name)} = {bound(cell)[0]}", bound(cell)[1]) for name, cell in cells.items()]
        settings, given = ", ".join(mark for mark, _cell in marks), [cell for _mark, cell in marks]
        sql = f"UPDATE {quoted(self.rows.table.name)} SET {settings} WHERE {where}"
        try:
            count = connection.execute(sql, [*given, *values]).rowcount
        except sqlite3.IntegrityError as error:
            return Renewal(entry.id, Renewed.FAILED, reason=f"The table refuses this expiry: {error}.")
        if count != 1:
            raise CacheUnavailable("Another number of rows than one would have changed; nothing was changed.")
        return Renewal(entry.id, Renewed.SET, stored)


class ExpiringRows(ComparedExpiries):
    """Rows with columns that say when they become stale, the same for every row."""

    @abstractmethod
    def _stored_expiry(self, moment: float) -> tuple[Mapping[str, Cell], float]:
        """The columns to set for this moment (+inf: never), and the expiry that is listed for them from then on."""

    def _expiry_cells(
        self, connection: sqlite3.Connection, row: Sequence[Cell], batch: Batch, at: int, moment: float
    ) -> tuple[Mapping[str, Cell], float] | str:
        """What any row gets for this moment."""
        return self._stored_expiry(moment)
