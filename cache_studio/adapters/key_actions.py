"""What an adapter of a server is, too, when single keys can be renamed there, or a whole database emptied at once."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from cache_studio.model.seeing import Seen

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId


class RenamesKeys(ABC):
    """A cache whose entries can be given another key."""

    @abstractmethod
    def rename(self, entry: Seen, name: str) -> "EntryId":
        """Give an entry another key; its new id. Value and expiry stay; renaming it back is what undoes it.

        Compare-and-rename: EntryNotFound when it is gone; UnsupportedAction with the reason when it changed since it
        was seen, when the name is taken (what has it stays), or without the rights; BadRequest for a name that is no
        key of this cache.
        """


class FlushesDatabase(ABC):
    """A cache that is all of a database which its server can empty in one command, with no copy of anything."""

    @abstractmethod
    def flushed_place(self) -> str:
        """What would be emptied, as a user types it to agree: "host:port/number".

        UnsupportedAction with the reason where it may not be, or where the cache is only a part of the database.
        """

    @abstractmethod
    def flush(self) -> int:
        """Remove all keys of the database for good; how many there were. UnsupportedAction as in `flushed_place`."""
