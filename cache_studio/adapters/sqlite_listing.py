"""How the rows of a SQLite table are listed: page by page, a big table by a child process."""

import os
import sys
from abc import abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.child_listing import ChildListing, ChildListings, Listing
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_pages import Page, Pages, Place
from cache_studio.adapters.sqlite_rows import Rows
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, ScanEnd
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.options import OptionValue

CHANGING = (Ability.REMOVE, Ability.UNDO, Ability.COMPACT)
LISTED_HERE = 10_000
"""A table of more rows is listed by a child; until its first page is there, the listing goes on here."""
LIST_ROWS = "cache_studio.adapters.sqlite_child:list_rows"


class ListsRows(Adapter):
    """Lists the rows of one table; a format says what is selected and what a page means."""

    database: Database
    rows: Rows

    def __init__(self) -> None:
        self._children = ChildListings()

    @abstractmethod
    def _expressions(self) -> Sequence[str]:
        """What a listing selects, after the key columns of `Pages.order`."""

    @abstractmethod
    def _batch(self, page: Page) -> Batch:
        """The entries of a page."""

    @abstractmethod
    def _choose_table(self) -> None:
        """Set `rows` from the schema of today; WrongFormat when it does not fit any more."""

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """The rows by ranges of their key; a damaged table is listed as far as it can be read.

        A big one is listed on by a child, which leaves this interpreter free.
        """
        if self.database.was_replaced:
            self.database.renew()
            self._choose_table()
        most_here = sys.maxsize if self._opened_with() is None else LISTED_HERE
        any_yet = False
        here = self.pages_after()
        with closing(self._children.carry_on(self.entries_of(here), most_here, lambda _: self._child(here))) as listing:
            while True:
                try:
                    batch = next(listing)
                except StopIteration as end:
                    return self._ended(end.value)
                except CacheStudioError as error:
                    if not any_yet:
                        raise
                    return ScanEnd(False, error.message)
                any_yet = True
                if len(batch):  # not every row is an entry in every format
                    yield batch

    def pages_after(self, after: Place | None = None, lost: Sequence[str] = ()) -> Pages:
        """The rows that a listing selects, from the beginning or behind a place where other Pages have come to."""
        return Pages(self.database, self.rows.table, self._expressions(), after, lost)

    def entries_of(self, pages: Pages) -> Listing:
        """The entries of each page, in this process; at the end the ranges that cannot be read."""
        for page in pages:
            yield self._batch(page)
        return pages.lost

    def _opened_with(self) -> Mapping[str, OptionValue] | None:
        """The options by which a child opens the very same; None (the default) where nothing is listed by a child."""
        return None

    def _child(self, here: Pages) -> ChildListing:
        kind, file = type(self), self.database.file
        opened = f"{kind.__module__}:{kind.__name__}", os.fsencode(self.database.path), dict(self._opened_with() or {})
        return ChildListing(LIST_ROWS, *opened, [file.st_dev, file.st_ino], here.after, here.lost)

    def _ended(self, lost: Sequence[str]) -> ScanEnd:
        if not lost:
            return ScanEnd()
        reason = "The database is damaged."
        self.capabilities = self.capabilities.without(CHANGING, f"{reason} Nothing in it is changed.")
        return ScanEnd(False, f"{reason} Not readable: {', '.join(lost[:5])}.")
