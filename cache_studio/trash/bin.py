"""A bin: where one action puts its copies while it runs."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from operator import not_

from cache_studio.adapters.base import EntryCopy
from cache_studio.adapters.copy_columns import CopyColumns
from cache_studio.adapters.files import Folder
from cache_studio.adapters.moving import Berths, TakesFiles
from cache_studio.config.claims import Claim
from cache_studio.config.database import Database
from cache_studio.model.seeing import Fate, Removal
from cache_studio.model.seeing_columns import RemovalColumns
from cache_studio.trash import pages
from cache_studio.trash.files import FileFolder, free_names
from cache_studio.trash.index import (
    KeptFile,
    State,
    digest_of,
    file_names,
    in_hundreds,
    insert_copies,
    is_moved,
    marks,
)
from cache_studio.trash.versions import Versions

Present = Callable[[Sequence[EntryCopy]], list[bool]]
"""`Adapter.present`: whether each copy's entry is stored as it was copied."""


class TrashBin(TakesFiles):
    """Takes the copies of one action (`adapters.base.Keep`). Made by `Trash.begin`; used by one thread.

    The order is always: `file`, `copies`, then the entries are removed, then `settle`. What was not settled
    when the process ends is found by `Trash.unsettled`.
    """

    def __init__(
        self,
        action_id: str,
        number: int,
        database: Database,
        folder: FileFolder,
        claim: Claim,
        versions: Versions,
    ) -> None:
        self.action_id = action_id
        self._number = number
        self._database = database
        self._folder = folder
        self._claim = claim
        self._versions = versions
        self._files: dict[str, KeptFile] = {}
        self._berths: Folder | None = None
        self._open: list[tuple[int, EntryCopy]] = []
        self._folded: list[pages.Page] = []

    def file(self, descriptor: int, length: int) -> str:
        """Copy `length` bytes of an open file from its beginning; returns the name for `EntryCopy.files`.

        It is made durable by `copies`, together with the copy that names it.
        """
        kept = self._folder.take(self.action_id, descriptor, length)
        self._files[kept.name] = kept
        return kept.name

    def berths(self, device: int, lengths: Sequence[int]) -> Berths | None:
        """Where files of these lengths may be moved after `copies`; None where the trash lies on another device."""
        if self._berths is None:
            self._berths = self._folder.berth_folder(self.action_id, device)
        if self._berths is None:
            return None
        names = free_names(len(lengths))
        files = [f"{self.action_id}/{name}" for name in names]
        self._files |= {file: KeptFile(file, length, b"") for file, length in zip(files, lengths, strict=True)}
        return Berths(self._berths, names, files)

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        """Take the copies of one batch; durable when this returns, or none of them and CacheStudioError."""
        columns = CopyColumns.of(copies)
        self._folder.require_room(sum(map(len, columns.data)))
        files = [self._files[name] for names in columns.files for name in names]
        self._folder.sync(files)
        lengths = [self._length(names) if names else 0 for names in columns.files]
        with self._database.transaction() as write:
            if pages.fits(columns):
                folded, opened = [pages.write_page(write, self._number, columns, lengths)], []
            else:
                folded, opened = (
                    [],
                    list(zip(insert_copies(write, self._number, columns, lengths), columns, strict=True)),
                )
            write.executemany(
                "INSERT INTO files VALUES(?,?,?,?)", [(f.name, self._number, f.length, f.digest) for f in files]
            )
        for kept in files:
            del self._files[kept.name]
        self._folded += folded
        self._open += opened

    def version(self, descriptor: int, length: int, name: str) -> str:
        """Keep a whole file that was displaced although its application had just written it; what to say of it."""
        path = self._versions.take(descriptor, length, name)
        return f"The application wrote the file at the same moment: that version is kept, too, as {path}."

    def amend(self, data: Mapping[bytes, bytes]) -> None:
        """Put other `data`, given by `EntryCopy.id`, into copies of the batch that is not settled yet."""
        if not data:
            return
        self._unfold()
        amended = [(number, replace(copy, data=data[copy.id])) for number, copy in self._open if copy.id in data]
        amend(self._database, amended)

    def settle(self, fates: Mapping[bytes, Fate]) -> None:
        """Say what became of the entries, by `EntryCopy.id`.

        Removed ones wait for undo from now on. Copies of entries that stayed or were gone are dropped. A
        failed one, or one that is not named, stays unsettled: only the cache can tell (`Trash.recover`).
        """
        if all(fates.get(entry) is Fate.REMOVED for page in self._folded for entry in page.copies.ids):
            self._settle_folded()
        self._unfold()
        removed, dropped, left = [], [], []
        for copy_id, copy in self._open:
            match fates.get(copy.id):
                case Fate.REMOVED:
                    removed.append(copy_id)
                case Fate.CHANGED | Fate.GONE:
                    dropped.append(copy_id)
                case _:
                    left.append((copy_id, copy))
        settle(self._database, self._folder, self._number, removed, dropped)
        self._open = left

    def settle_removals(self, removals: Sequence[Removal], present: Present) -> None:
        """Settle one batch by what `Adapter.remove` answered for it, whatever its ids look like.

        Asks the cache only where the answers alone do not say which copies are of removed entries. A copy
        that may be the only one left is kept.
        """
        fates = Counter(RemovalColumns.of(removals).fates)
        count = len(self._open) + sum(len(page.copies) for page in self._folded)
        if not count:
            return
        if fates[Fate.REMOVED] == count:
            self._settle_folded()
            self._settle([True] * len(self._open))
        elif not fates[Fate.REMOVED] and not fates[Fate.FAILED]:
            with self._database.transaction() as write:
                pages.drop_pages(write, self._folded)
            self._folded = []
            self._settle([False] * len(self._open))
        else:
            self._unfold()
            stored = still_stored([copy for _, copy in self._open], present, self._folder)
            self._settle([not there for there in stored])

    def _settle(self, gone: Sequence[bool]) -> None:
        """Say of each open copy whether its entry is removed; one whose entry is not is dropped."""
        if self._open:
            copy_ids = [copy_id for copy_id, _ in self._open]
            dropped = list(compress(copy_ids, map(not_, gone)))
            settle(self._database, self._folder, self._number, list(compress(copy_ids, gone)), dropped)
        self._open = []

    def _settle_folded(self) -> None:
        if self._folded:
            with self._database.transaction() as write:
                pages.settle_pages(write, self._number, self._folded)
        self._folded = []

    def _unfold(self) -> None:
        """The open pages as open copies, each by itself."""
        while self._folded:
            page = self._folded[0]
            self._open += zip(pages.unfold(self._database, page.id), page.copies, strict=True)
            del self._folded[0]

    def finish(self) -> None:
        """The action has ended, whole or not. What is not settled waits for `Trash.recover`. Safe to call twice."""
        self._folder.remove(self._files)
        self._files = {}
        if self._berths is not None:
            self._berths.close()
            self._berths = None
        if not self._open and not self._folded:
            close_action(self._database, self._number)
        self._claim.retire()

    def _length(self, names: Sequence[str]) -> int:
        return sum(self._files[name].length for name in names)


def still_stored(copies: Sequence[EntryCopy], present: Present, folder: FileFolder) -> list[bool]:
    """Whether the entry of each copy is stored: asked, and where its file was to be moved, told by that file, too."""
    answers = present(copies)
    return [
        there or any(is_moved(name) and not folder.has(name) for name in copy.files)
        for copy, there in zip(copies, answers, strict=True)
    ]


def settle(database: Database, folder: FileFolder, number: int, removed: Sequence[int], dropped: Sequence[int]) -> None:
    """Mark copies of removed entries as waiting, drop the others with their files; all or nothing."""
    names = file_names(database, dropped)
    with database.transaction() as write:
        for some in in_hundreds(removed):
            sums = f"FROM copies WHERE settled=0 AND id IN ({marks(some)})"
            count, size, kept = write.execute(
                f"SELECT count(*), coalesce(sum(size), 0), coalesce(sum(kept_bytes), 0) {sums}", some
            ).fetchone()
            write.execute(f"UPDATE copies SET settled=1 WHERE id IN ({marks(some)})", some)
            write.execute(
                "UPDATE actions SET removed=removed+?, waiting=waiting+?, bytes=bytes+?, kept_bytes=kept_bytes+?"
                " WHERE number=?",
                (count, count, size, kept, number),
            )
        for some in in_hundreds(dropped):
            write.execute(f"DELETE FROM copies WHERE settled=0 AND id IN ({marks(some)})", some)
        write.executemany("DELETE FROM files WHERE name=?", [(name,) for name in names])
    folder.remove(names)


def drop_waiting(database: Database, folder: FileFolder, copy_ids: Sequence[int]) -> None:
    """The entries of these waiting copies are in the cache again: drop the copies, count the entries as restored."""
    names = file_names(database, copy_ids)
    with database.transaction() as write:
        for some in in_hundreds(copy_ids):
            where = f"settled=1 AND id IN ({marks(some)})"
            groups = write.execute(
                f"SELECT action, count(*), sum(kept_bytes) FROM copies WHERE {where} GROUP BY action", some
            ).fetchall()
            for number, count, kept in groups:
                write.execute(
                    "UPDATE actions SET waiting=waiting-?, kept_bytes=kept_bytes-?, restored=restored+? WHERE number=?",
                    (count, kept, count, number),
                )
            write.execute(f"DELETE FROM copies WHERE {where}", some)
        write.executemany("DELETE FROM files WHERE name=?", [(name,) for name in names])
    folder.remove(names)


def forget_waiting(database: Database, copy_ids: Sequence[int]) -> None:
    """Nothing can be done with these waiting copies, which have no files, any more: drop them."""
    with database.transaction() as write:
        for some in in_hundreds(copy_ids):
            where = f"settled=1 AND id IN ({marks(some)})"
            groups = write.execute(
                f"SELECT action, count(*), sum(kept_bytes) FROM copies WHERE {where} GROUP BY action", some
            ).fetchall()
            for number, count, kept in groups:
                change = "UPDATE actions SET waiting=waiting-?, kept_bytes=kept_bytes-? WHERE number=?"
                write.execute(change, (count, kept, number))
            write.execute(f"DELETE FROM copies WHERE {where}", some)


def amend(database: Database, copies: Sequence[tuple[int, EntryCopy]]) -> None:
    """Write the data of these copies, by their ids, anew; durable when this returns."""
    if not copies:
        return
    with database.transaction() as write:
        write.executemany(
            "UPDATE copies SET data=?, digest=? WHERE id=?",
            [(copy.data, digest_of(copy), copy_id) for copy_id, copy in copies],
        )


def close_action(database: Database, number: int) -> None:
    """An open action without unsettled copies is done."""
    with database.transaction() as write:
        write.execute("UPDATE actions SET state=? WHERE number=? AND state=?", (State.DONE, number, State.OPEN))


class WaitingCopies:
    """The copies that wait for undo, by the ids that `Trash.copies` gives them."""

    def __init__(self, database: Database, folder: FileFolder) -> None:
        self._database, self._folder = database, folder

    def restored(self, copy_ids: Sequence[int]) -> None:
        """These entries are in the cache again: drop their copies and count them as restored."""
        drop_waiting(self._database, self._folder, copy_ids)

    def amend(self, copies: Sequence[tuple[int, EntryCopy]]) -> None:
        """Write their data anew."""
        amend(self._database, copies)

    def forget(self, copy_ids: Sequence[int]) -> None:
        """Nothing can be done with these, which have no files, any more: drop them."""
        forget_waiting(self._database, copy_ids)
