"""What every adapter of a SQLite database says of its pages, and how it gives the free ones back."""

import math

from cache_studio.adapters.sqlite_database import INCREMENTAL, Database
from cache_studio.adapters.sqlite_rows import Rows
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Part, Volume

REWRITTEN_A_SECOND = 20_000_000
"""Bytes that VACUUM rewrites in a second on a slow disk that others use, too."""
FREE_PAGES = "free pages"


class SQLiteSpace:
    """The part of an adapter that measures and compacts its database."""

    database: Database
    rows: Rows
    capabilities: Capabilities

    def compactable(self) -> list[Part]:
        """The free pages of the database."""
        space = self.database.space()
        return [Part(FREE_PAGES, space.free_pages, space.free_bytes)] if space.free_pages else []

    def compact(self) -> list[Part]:
        """VACUUM in place, or the incremental one where the database is set up for it."""
        self.capabilities.require(Ability.COMPACT)
        pages = self.database.space().free_pages
        return [Part(FREE_PAGES, pages, self.database.vacuum())]

    def compact_note(self) -> str:
        """For how long who writes meanwhile has to wait, or fails."""
        waits = "the application may have to wait or lose a write."
        try:
            space = self.database.space()
        except CacheStudioError:  # busy this moment: how large it is can be asked without it
            return f"The database is locked while it is rewritten: {waits}"
        if space.auto_vacuum == INCREMENTAL:
            return "The database is locked for a moment at a time: others write between two steps."
        seconds = math.ceil((space.pages - space.free_pages) * space.page_size / REWRITTEN_A_SECOND)
        return f"The database is locked while it is rewritten, for about {max(1, seconds)} s: {waits}"

    def measure(self) -> Volume:
        """The files of the database; what is free in them."""
        return Volume(self.database.volume(), sum(part.bytes for part in self.compactable()))

    def _pages_details(self) -> dict[str, object]:
        space = self.database.space()
        return {
            "table": self.rows.table.name,
            "journal_mode": str(self.database.value("PRAGMA journal_mode")),
            "page_size": space.page_size,
            "pages": space.pages,
            "free_pages": space.free_pages,
            "triggers": self.rows.table.triggers,
        }
