"""How formats with one file an entry are listed: batches behind a walk, broken files read twice, long ones later."""

import os
import time
from abc import abstractmethod
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, ClassVar, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.batch_frames import FRAME_ROWS, frame_of
from cache_studio.adapters.child_listing import NONE_HERE, ChildListing, ChildListings, Listing
from cache_studio.adapters.defaults import join, lookup_by_scan, without
from cache_studio.adapters.file_entries import NOT_A_FILE, FileEntries
from cache_studio.adapters.files import HIDDEN, Folder, NoRegularFile, stamp_of
from cache_studio.adapters.remembered import Remembered
from cache_studio.model.columns import STAMP_WIDTH, Batch, ScanEnd
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.identity import EntryId

FIRST_BATCH = 200
BATCH = 1_000
LISTED_HERE = 2_000
"""A folder of more files is listed by a child; until it answers, the listing goes on here."""
HALF_WRITTEN = 2.0
"""Seconds since its last change in which a broken file may be one that is just being written."""
SECOND_LOOK = 0.2
"""Seconds after which such a file is read again."""
DEEPEST = 8
"""How many folders below the root are walked."""
EMPTY = "The file is empty."


# Two of these are made for each file: a Struct costs half of what a tuple with names does, and is nothing to collect.
class Parsed(msgspec.Struct, frozen=True, gc=False):
    """What a file's content says."""

    fields: Mapping[str, object]
    problem: str = ""
    pending: bool = False
    """The fields lie so far behind the value that `fill` reads them later."""


class Look(msgspec.Struct, frozen=True, gc=False):
    """One file as it was found."""

    id: str
    status: os.stat_result
    parsed: Parsed
    special: bool = False
    """It is no regular file, or cannot be read."""

    @property
    def is_being_written(self) -> bool:
        """Whether it is broken and so new that its writer may not have finished."""
        return bool(self.parsed.problem) and not self.special and time.time() - self.status.st_mtime < HALF_WRITTEN


def stamps_of(looks: Sequence[Look]) -> NDArray[np.int64]:
    """`stamp_of` each file, as `make_batch` takes them; the last column is the size."""
    stamps = chain.from_iterable([stamp_of(look.status) for look in looks])
    return np.fromiter(stamps, np.int64, len(looks) * STAMP_WIDTH).reshape(-1, STAMP_WIDTH)


class FileListing(FileEntries):
    """Lists files that end in `suffix`; a subclass reads a file (`parse`) and makes columns of what it found."""

    suffix: ClassVar[str]
    pending_columns: ClassVar[tuple[str, ...]]
    """The columns that wait where a file's fields do."""
    nested: ClassVar[bool] = False
    """Whether entries lie in folders below the root, too."""

    def __init__(self, root: Folder, *, writable: bool) -> None:
        super().__init__(root, writable=writable)
        self._children = ChildListings()

    @abstractmethod
    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """Read an open file, a bounded part of it. OSError may leave."""

    @abstractmethod
    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """A batch of these."""

    @abstractmethod
    def read_on(self, look: Look) -> Look:
        """The same with the fields that `parse` left pending."""

    @abstractmethod
    def child_listing(self) -> tuple[str, Sequence[object]]:
        """The function that opens the same cache in a child and yields its `frames`, and what it is given first."""

    @abstractmethod
    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """Where the entry with this key lies if the application named its file; None when that cannot be said."""

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """Every entry. A file that looks half-written is read again at the end, a long one is left pending.

        The first come from here; a big folder is listed on by a child, which leaves this interpreter free.
        CacheUnavailable where the folder was removed or replaced.
        """
        self._root.require_in_place()
        remembered = self.remembered()
        most_here = NONE_HERE if remembered is not None and remembered.is_there else LISTED_HERE
        yield from self._children.carry_on(self._list(frozenset(), FIRST_BATCH, BATCH), most_here, self._child)
        return ScanEnd()

    def remembered(self) -> Remembered | None:
        """What the last listing found; None (the default) where the stamp alone cannot tell that a file is the same."""
        return None

    def _child(self, listed: Collection[EntryId]) -> ChildListing:
        function, arguments = self.child_listing()
        return ChildListing(function, *arguments, self._identity(), list(listed))

    def frames(self, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
        """In a child: all entries but those `listed`. CacheUnavailable where the folder is another one by now."""
        if list(identity) != self._identity():
            raise CacheUnavailable("The folder was replaced while it was listed.", "Refresh the list.")
        remembered, shown = self.remembered(), frozenset(listed)
        if remembered is None:
            batches: Iterator[Batch] = self._list(shown, FRAME_ROWS, FRAME_ROWS)
        else:  # those listed are read, too, to be remembered
            batches = remembered.carried_over(self._unchanged, lambda known: self._list(known, FRAME_ROWS, FRAME_ROWS))
        for batch in batches:
            yield frame_of(without(batch, shown))

    def _unchanged(self, batch: Batch) -> list[int]:
        now = np.array(self._root.stamps(cast(Sequence[str], batch.ids)), np.int64).reshape(-1, STAMP_WIDTH)
        return np.flatnonzero((now == batch.stamps).all(axis=1)).tolist()

    def interrupt(self) -> None:
        """End the children that list."""
        self._children.stop()

    def _identity(self) -> list[int]:
        """What tells this folder from another in its place; nothing where folders cannot be held open."""
        descriptor = self._root.descriptor
        if descriptor is None:
            return []
        status = os.fstat(descriptor)
        return [status.st_dev, status.st_ino]

    def _list(self, listed: Collection[EntryId], first: int, then: int) -> Listing:
        looks: list[Look] = []
        again: list[Look] = []
        later: list[Look] = []
        size = first
        for folder, prefix, name in self._files(self._root, "", DEEPEST if self.nested else 0):
            entry_id = prefix + name
            if entry_id in listed:
                continue
            look = self._look_in(folder, name, entry_id)
            if look is None:
                continue
            parsed = look.parsed
            if parsed.pending:
                later.append(look)
            elif parsed.problem and look.is_being_written:
                again.append(look)
            else:
                looks.append(look)
            if len(looks) >= size:
                yield self.columns(looks)
                looks, size = [], then
        if again:
            looks += self._second_looks(again)
        if looks:
            yield self.columns(looks)
        if later:
            yield self.columns(later, self.pending_columns)
        return []

    def _files(self, folder: Folder, prefix: str, depth: int) -> Iterator[tuple[Folder, str, str]]:
        folders: list[str] = []
        suffix = self.suffix
        for entry in folder.walk():
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(name)
            elif name.endswith(suffix):
                yield folder, prefix, name
        for name in folders if depth else ():
            # A folder that vanished or may not be read holds nothing that could be listed.
            with suppress(OSError), folder.below(name) as below:
                yield from self._files(below, f"{prefix}{name}/", depth - 1)

    def fill(self, ids: Sequence[EntryId]) -> Batch:
        """Read the long files whose fields lie behind their value."""
        looks = [look for entry_id in ids if (look := self.look(str(entry_id))) is not None]
        return self.columns([self.read_on(look) if look.parsed.pending else look for look in looks])

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the file's name where that leads to the key, else by a scan."""
        looks: list[Look] = []
        for key in keys:
            entry_id = self.likely_id(key, namespace)
            look = None if entry_id is None else self.look(entry_id)
            if look is None or look.parsed.pending:
                return lookup_by_scan(self, keys, namespace)
            looks.append(look)
        batch = self.columns(looks)
        right = set(batch.keys) == set(keys) and (namespace is None or set(batch.namespaces) <= {namespace})
        return join([batch]) if right else lookup_by_scan(self, keys, namespace)

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """New or rewritten files and those that are gone; None where a folder changed, so that only a scan can tell."""
        looks: list[Look] = []
        gone: list[EntryId] = []
        for entry_id in {self.relative(changed) for changed in names}:
            parent, _, name = entry_id.rpartition("/")
            if not name.endswith(self.suffix):
                if self.nested and "." not in name:
                    return None
                continue
            if name.startswith(HIDDEN) or (parent and not self.nested):
                continue
            look = self.look(entry_id)
            if look is None:
                gone.append(entry_id)
            else:
                looks.append(look)
        if gone and not looks:  # perhaps all of the folder
            self._root.require_in_place()
        waiting = [look for look in looks if look.is_being_written]
        calm = [look for look in looks if not look.is_being_written]
        if waiting:
            calm += self._second_looks(waiting)
        return self.columns([self.read_on(look) if look.parsed.pending else look for look in calm]), gone

    def look(self, entry_id: str) -> Look | None:
        """One file by its id; None when it is gone."""
        parts = entry_id.split("/")
        try:
            with self._root.holding(parts) as folder:
                return self._look_in(folder, parts[-1], entry_id)
        except (OSError, ValueError):
            return None

    def _look_in(self, folder: Folder, name: str, entry_id: str) -> Look | None:
        try:
            descriptor, status = folder.open_file(name)
        except FileNotFoundError:
            return None
        except NoRegularFile:
            return self._unopened(folder, name, entry_id, NOT_A_FILE)
        except OSError as error:
            return self._unopened(folder, name, entry_id, f"It cannot be read: {error.strerror}.")
        try:
            return Look(entry_id, status, self.parse(descriptor, status))
        except OSError as error:
            return Look(entry_id, status, Parsed({}, f"It cannot be read: {error.strerror}."), True)
        finally:
            os.close(descriptor)

    def _unopened(self, folder: Folder, name: str, entry_id: str, problem: str) -> Look | None:
        try:
            return Look(entry_id, folder.status(name), Parsed({}, problem), True)
        except OSError:
            return None

    def _second_looks(self, looks: Sequence[Look]) -> list[Look]:
        time.sleep(SECOND_LOOK)
        return [again for look in looks if (again := self.look(look.id)) is not None]
