"""What an asset cache leaves behind: value files that no row names, rows whose value file is missing.

And half-written files of ours, where a restore or a `put` was killed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cache_studio.adapters.asset_cache.layout import HASH_NAME, Columns, Parts, layout_parts, places_inside
from cache_studio.adapters.asset_cache.names import SUFFIXES
from cache_studio.adapters.asset_cache.value_files import MISSING, ValueFiles
from cache_studio.adapters.file_copies import ABANDONED
from cache_studio.adapters.files import Folder, stamp_of
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_open import quoted
from cache_studio.adapters.sqlite_pages import Pages
from cache_studio.adapters.sqlite_rows import Copied, Rows, packed_rows, proofs_of
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.seeing import Fate, Part

ORPHANS = "value files without an entry"
DEAD_ROWS = "entries whose value file is missing"
UNFINISHED = "leftover files"
_KINDS = (ORPHANS, DEAD_ROWS, UNFINISHED)
GRACE = 60.0
"""Seconds after which a leftover is one: the application writes file and row one after the other."""


@dataclass(frozen=True, slots=True)
class _Orphan:
    parts: Parts
    stamp: Stamp
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class _Dead:
    id: EntryId
    size: int
    created: float


class Leftovers:
    """Finds and removes leftovers. Found once for each state of the database and its folders, so asking is cheap."""

    def __init__(self, database: Database, root: Folder, columns: Columns, rows: Rows) -> None:
        self._database = database
        self._root = root
        self._columns = columns
        self._rows = rows
        self._state: tuple[object, ...] = ()
        self._orphans: list[_Orphan] = []
        self._dead: list[_Dead] = []
        self._unfinished: list[_Orphan] = []

    def parts(self, now: float) -> list[Part]:
        """How many there are and how many bytes; kinds of which there are none are left out."""
        self._look()
        orphans = [orphan.size for orphan in self._old_orphans(now)]
        dead = [row.size for row in self._old_dead(now)]
        half = [file.size for file in self._old_unfinished(now)]
        found = [Part(what, len(sizes), sum(sizes)) for what, sizes in zip(_KINDS, (orphans, dead, half), strict=True)]
        return [part for part in found if part.count]

    def _old_orphans(self, now: float) -> list[_Orphan]:
        return [orphan for orphan in self._orphans if now - orphan.modified > GRACE]

    def _old_dead(self, now: float) -> list[_Dead]:
        # A row without a readable creation time is not known to be old enough, and stays.
        return [row for row in self._dead if now - row.created > GRACE]

    def _old_unfinished(self, now: float) -> list[_Orphan]:
        return [file for file in self._unfinished if now - file.modified > ABANDONED]

    def _look(self) -> None:
        with ValueFiles(self._root) as files:
            folders = {name for (name,) in self._database.rows(f"SELECT DISTINCT {self._type} FROM {self._table}")}
            types = {*SUFFIXES, *map(shown_key, folders)}
            state = (self._database.value("PRAGMA data_version"), *self._folder_times(files, types))
            if state == self._state:
                return
            named: set[Parts] = set()
            self._dead = list(self._dead_rows(files, named))
            self._orphans = [
                _Orphan(parts, stamp_of(status), status.st_size, status.st_mtime)
                for parts, status in files.all_in(types)
                if HASH_NAME.fullmatch(parts[-1]) and parts not in named
            ]
            self._unfinished = [
                _Orphan(parts, stamp_of(status), status.st_size, status.st_ctime)
                for parts, status in files.unfinished_in(types)
            ]
            self._state = state

    def _folder_times(self, files: ValueFiles, types: set[str]) -> Iterator[object]:
        for name in sorted(types):
            folder = files.folder((name,)) if name else None
            if folder is not None:
                descriptor = folder.descriptor
                yield os.stat(folder.path if descriptor is None else descriptor).st_mtime_ns

    @property
    def _table(self) -> str:
        return quoted(self._rows.table.name)

    @property
    def _type(self) -> str:
        names = self._columns.names
        return quoted(names["asset_type"]) if "asset_type" in names else "''"

    def _dead_rows(self, files: ValueFiles, named: set[Parts]) -> Iterator[_Dead]:
        names = self._columns.names
        created = quoted(names["created"]) if "created" in names else "NULL"
        size = " + ".join(lengths_sql(quoted(names[part])) for part in ("text", "metadata") if part in names) or "0"
        expressions = [self._type, quoted(names["key"]), quoted(names["file"]), created, size]
        for page in Pages(self._database, self._rows.table, expressions):
            for number, kind, key, file_path, made, length in page:
                place = (shown_key(kind), shown_key(key), shown_key(file_path))
                by_layout = layout_parts(place[0], place[1])
                named |= {by_layout} if by_layout else set()
                named.update(places_inside(place[2], self._root.path))
                found = files.find(*place)
                if found.problem == MISSING and isinstance(number, int):
                    yield _Dead(((number,),), int(length or 0), self._columns.moment(made))

    def remove(self, now: float) -> list[Part]:
        """Remove what is still a leftover; what was really removed."""
        self._state = ()
        self._look()
        parts = [self._remove_dead(now), *self._remove_files(now)]
        self._state = ()
        return [part for part in parts if part.count]

    def _remove_files(self, now: float) -> Iterator[Part]:
        # While we hold the right to write, no row can come that names one of these files.
        with self._database.writing(), ValueFiles(self._root) as files:
            self._state = ()
            self._look()
            yield _unlinked(files, ORPHANS, self._old_orphans(now))
            yield _unlinked(files, UNFINISHED, self._old_unfinished(now))

    def _remove_dead(self, now: float) -> Part:
        dead = self._old_dead(now)
        if not dead:
            return Part(DEAD_ROWS, 0, 0)
        found = self._rows.fetch_all(self._database.rows, [one.id for one in dead])
        copied = Copied(list(found), proofs_of(packed_rows(list(found.values()))))
        with self._database.writing() as connection:
            fates = self._rows.remove_equal(connection, copied)
        return Part(DEAD_ROWS, fates.count(Fate.REMOVED), 0)


def _unlinked(files: ValueFiles, what: str, found: Sequence[_Orphan]) -> Part:
    """Remove the files that are still what was found."""
    count = freed = 0
    for file in found:
        folder = files.folder(file.parts[:-1])
        with suppress(OSError):
            if folder is not None and stamp_of(folder.status(file.parts[-1])) == file.stamp:
                folder.unlink(file.parts[-1])
                count, freed = count + 1, freed + file.size
    return Part(what, count, freed)
