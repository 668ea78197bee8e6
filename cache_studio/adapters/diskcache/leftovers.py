"""What diskcache leaves behind: value files that no row names, and folders that hold nothing."""

import re
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from cache_studio.adapters.diskcache.layout import TABLE, Parts, remove_empty_folders, value_parts
from cache_studio.adapters.files import HIDDEN, Folder, stamp_of
from cache_studio.adapters.sqlite_database import Database
from cache_studio.model.identity import Stamp
from cache_studio.model.seeing import Part

ORPHANS = "value files without an entry"
EMPTY = "empty folders"
GRACE = 3_600.0
"""Seconds after which a file without a row is a leftover: its row may wait for a lock that long."""
_FOLDER = re.compile(r"[0-9a-f]{2}")
_VALUE = re.compile(r"[0-9a-f]{28}\.val")
_PAGE = 4_000


@dataclass(slots=True)
class _Found:
    orphans: list[tuple[Parts, Stamp, int]] = field(default_factory=list)
    empty: list[Parts] = field(default_factory=list)


class Leftovers:
    """Finds and removes them; looked for anew at most once in `REFRESH` seconds, because every folder is visited."""

    REFRESH = 60.0

    def __init__(self, database: Database, root: Folder) -> None:
        self._database = database
        self._root = root
        self._found = _Found()
        self._looked = -float("inf")

    def parts(self) -> list[Part]:
        """How many there are and how many bytes; kinds of which there are none are left out."""
        if time.monotonic() - self._looked > self.REFRESH:
            self._look()
        found = self._found
        orphans = Part(ORPHANS, len(found.orphans), sum(size for _parts, _stamp, size in found.orphans))
        return [part for part in (orphans, Part(EMPTY, len(found.empty), 0)) if part.count]

    def remove(self) -> list[Part]:
        """Remove what still is a leftover after one more look at the rows; what was really removed."""
        self._look()
        named = self._named()
        count = freed = empty = 0
        for parts, stamp, size in self._found.orphans:
            if parts in named:
                continue
            with suppress(OSError), self._root.holding(parts) as folder:
                if stamp_of(folder.status(parts[-1])) == stamp:
                    folder.unlink(parts[-1])
                    count, freed = count + 1, freed + size
            remove_empty_folders(self._root, parts)
        for parts in self._found.empty:
            with suppress(OSError), self._root.holding(parts) as above:
                above.remove_folder(parts[-1])
                empty += 1
                remove_empty_folders(self._root, parts)
        self._looked = -float("inf")
        return [part for part in (Part(ORPHANS, count, freed), Part(EMPTY, empty, 0)) if part.count]

    def _look(self) -> None:
        found = _Found()
        old = time.time() - GRACE
        files = list(self._walk(found, old))
        named = self._named() if files else set()
        found.orphans = [file for file in files if file[0] not in named]
        self._found, self._looked = found, time.monotonic()

    def _walk(self, found: _Found, old: float) -> Iterator[tuple[Parts, Stamp, int]]:
        """The old value files, two folders deep as the library makes them; empty folders are noted."""
        for first in self._folders(self._root):
            with suppress(OSError), self._root.below(first) as upper:
                names = list(self._folders(upper))
                if not any(True for _entry in upper.walk()):
                    found.empty.append((first,))
                for second in names:
                    with suppress(OSError), upper.below(second) as lower:
                        yield from self._files(lower, (first, second), found, old)

    def _folders(self, folder: Folder) -> Iterator[str]:
        for entry in folder.walk():
            if _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                yield entry.name

    def _files(self, folder: Folder, above: Parts, found: _Found, old: float) -> Iterator[tuple[Parts, Stamp, int]]:
        names = [entry.name for entry in folder.walk()] + folder.hidden_names()
        if not names:
            found.empty.append(above)
        for name in names:
            with suppress(OSError):
                status = folder.status(name)
                ours = name.startswith(HIDDEN) and name.endswith(".new")
                if stat.S_ISREG(status.st_mode) and status.st_ctime < old and (ours or _VALUE.fullmatch(name)):
                    yield (*above, name), stamp_of(status), status.st_size

    def _named(self) -> set[Parts]:
        """The files that rows name now."""
        sql = (
            f"SELECT rowid, filename FROM {TABLE} WHERE filename IS NOT NULL AND rowid > ? ORDER BY rowid LIMIT {_PAGE}"
        )
        named: set[Parts] = set()
        rows = self._database.rows(sql, [-(1 << 63)])
        while rows:
            parts = (value_parts(name) for _rowid, name in rows if isinstance(name, str))
            named.update(one for one in parts if one)
            rows = self._database.rows(sql, [rows[-1][0]])
        return named
