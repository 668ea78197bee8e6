"""A table read page by page by ranges of its key: the cursor is finished and no transaction is open between pages."""

import time
from collections.abc import Iterator, Sequence

from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_open import Cell, Table, bound, quoted
from cache_studio.model.errors import WrongFormat

FIRST_PAGE = 500
"""Rows of the first page, so that it is there soon."""
LARGEST_PAGE = 4_000
"""Pages of 10,000 rows leave the processor's cache: they took longer in all and held the interpreter longer."""
SLOW_SECONDS = 0.05
"""A page that takes longer is halved: a reader that stays longer would be in the application's way."""
LONG_SECONDS = 0.15
"""Where looking into the values of a page takes longer, the next is halved: what a user asks for waits meanwhile."""
MOST_PROBES = 5_000
"""How many places of a damaged table are tried before giving up."""

Page = list[tuple[Cell, ...]]
Place = tuple[Cell, ...]


def order_of(table: Table) -> tuple[str, ...]:
    """The columns that a table is read by: the rowid, else the primary key."""
    rowid = table.rowid_name
    return (rowid,) if rowid else tuple(column.name for column in table.primary_key)


class Pages:
    """The pages of a table; each row holds the key columns it is ordered by and then `expressions`.

    `lost` names the ranges that could not be read because pages are broken, `after` the place up to which all was
    read, None for nothing: with both, other Pages of the same table go on from here.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        expressions: Sequence[str],
        after: Place | None = None,
        lost: Sequence[str] = (),
    ) -> None:
        self.after = after
        self.lost = list(lost)
        self.order = order_of(table)
        self._database = database
        self._by_rowid = bool(table.rowid_name)
        self._order_sql = ", ".join(table.sql(name) for name in self.order)
        self.select = f"SELECT {', '.join([self._order_sql, *expressions])} FROM {quoted(table.name)}"
        self._seconds = 0.0
        self._probes = 0

    def __iter__(self) -> Iterator[Page]:
        size = FIRST_PAGE
        while True:
            try:
                page = self._page(self.after, size)
            except WrongFormat:
                if size > 1:
                    size = max(1, size // 8)
                    continue
                self.after = self._beyond_damage(self.after)
                if self.after is None:
                    return
                continue
            given = time.perf_counter()
            if page:
                self.after = page[-1][: len(self.order)]
                yield page
            slow = self._seconds > SLOW_SECONDS or time.perf_counter() - given > LONG_SECONDS
            if len(page) < size:
                return
            size = max(100, size // 2) if slow else min(LARGEST_PAGE, size * 3)

    def _page(self, after: Place | None, limit: int) -> Page:
        where, values = "", []
        if after is not None:
            pairs = [bound(value) for value in after]
            where = f" WHERE ({self._order_sql}) > ({', '.join(pair[0] for pair in pairs)})"
            values = [pair[1] for pair in pairs]
        began = time.perf_counter()
        page = self._database.rows(f"{self.select}{where} ORDER BY {self._order_sql} LIMIT {limit}", values)
        self._seconds = time.perf_counter() - began
        return page

    def _beyond_damage(self, after: Place | None) -> Place | None:
        """The place before the next readable row, None when there is none (or no numbers to try)."""
        if not self._by_rowid:
            self.lost.append("everything behind a broken page")
            return None
        start = int(after[0] or 0) if after else 0
        step = 1
        while self._probes < MOST_PROBES and start + step < 1 << 62:
            if self._is_readable(start + step):
                bad, good = start + step // 2, start + step
                while good - bad > 1 and self._probes < MOST_PROBES:
                    middle = (bad + good) // 2
                    bad, good = (bad, middle) if self._is_readable(middle) else (middle, good)
                self.lost.append(f"rows {start + 1} to {good}")
                return (good,)
            step *= 2
        self.lost.append(f"rows from {start + 1} on")
        return None

    def _is_readable(self, after: int) -> bool:
        self._probes += 1
        try:
            return bool(self._page((after,), 1))
        except WrongFormat:
            return False
