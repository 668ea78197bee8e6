"""Folders in which each entry is a file named by the hash of a request: found by what is hashed, too."""

import os
from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence

from cache_studio.adapters.defaults import join, lookup_by_scan, without
from cache_studio.adapters.file_copies import Outcome
from cache_studio.adapters.file_listing import FileListing, Look
from cache_studio.adapters.files import Folder, stamp_of
from cache_studio.model.columns import Batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.seeing import Fate, Seen


class HashedFiles(FileListing):
    """Lists the files that have such a name; others in the folder are none of the cache's entries."""

    suffix = ""
    pending_columns = ()

    @abstractmethod
    def is_entry(self, name: str) -> bool:
        """Whether a file of this name is an entry."""

    @abstractmethod
    def ids_of(self, key: str) -> Sequence[str]:
        """Where the entry for a typed key may lie, the key being what is hashed or the hash itself."""

    def stamp(self, look: Look) -> Stamp:
        """Default: that of the file. A format adds what changes without it."""
        return stamp_of(look.status)

    def _files(self, folder: Folder, prefix: str, depth: int) -> Iterator[tuple[Folder, str, str]]:
        for found in super()._files(folder, prefix, depth):
            if self.is_entry(found[2]):
                yield found

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """As `FileListing.changes`, for files that are entries."""
        return super().changes([name for name in names if self.is_entry(os.path.basename(name))])

    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """Not asked: `lookup` tries more than one."""
        return None

    def read_on(self, look: Look) -> Look:
        """The same: nothing is left pending."""
        return look

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the name that the hash gives; a key that leads nowhere is looked for in all entries."""
        if namespace:
            return join([])
        looks: dict[str, Look] = {}
        missing: set[str] = set()
        for key in set(keys):
            found = [look for entry_id in self.ids_of(key) if (look := self.look(entry_id)) is not None]
            looks |= {look.id: look for look in found[:1]}
            missing |= set() if found else {key}
        batch = self.columns(list(looks.values()))
        return join([batch, without(lookup_by_scan(self, missing, namespace), set(batch.ids))]) if missing else batch

    def _stamp_of_file(self, seen: Seen) -> Stamp | Outcome:
        look = self.look(str(seen.id))
        if look is None:
            return Outcome(Fate.GONE)
        return stamp_of(look.status) if self.stamp(look) == seen.stamp else Outcome(Fate.CHANGED)
