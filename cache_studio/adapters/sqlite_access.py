"""What the runtime's doors to SQLite share: one transaction a change, uses written together, compaction."""

import json
import logging
import os
import sqlite3
import weakref
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping

from cache_studio.adapters.key_access import Held, KeyAccess, Known, Place
from cache_studio.adapters.sqlite_link import Link
from cache_studio.adapters.uses import Uses
from cache_studio.model.errors import BadRequest, CacheStudioError

_open: "weakref.WeakSet[SQLiteAccess]" = weakref.WeakSet()
_log = logging.getLogger(__name__)


class SQLiteAccess(KeyAccess):
    """By key. A subclass says how rows are found, read and removed.

    Uses and access times wait in memory and are written in one transaction by the first call after 30 s, by
    `flush` and by `close`. Each process adds its uses to those of the others. What is killed loses the uses of at
    most 30 s of calls; the entries themselves are in the database when `put` returns.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._uses = Uses()
        self._is_closed = False
        _open.add(self)

    @abstractmethod
    def _place(self, key: str, namespace: str) -> Place:
        """The namespace and key under which the layout keeps it; BadRequest where it cannot."""

    @abstractmethod
    def _read(self, connection: sqlite3.Connection, place: Place) -> Held | None:
        """What is stored, seen from inside a transaction."""

    @abstractmethod
    def _remove(self, connection: sqlite3.Connection, place: Place) -> str | None:
        """Remove the row inside a transaction; what it left beside the database ("" nothing), None without a row."""

    @abstractmethod
    def _add_uses(self, connection: sqlite3.Connection, place: Place, count: int, accessed: float) -> None:
        """Add uses to the row, if it is there."""

    @abstractmethod
    def _stale(self, connection: sqlite3.Connection, now: float) -> Iterator[Known]:
        """The entries that are stale at `now`, seen from inside a transaction."""

    def _clean_up(self, left: Mapping[Place, str]) -> None:
        """Remove what removed rows left beside the database, after their removal is sure. Default: they leave nothing.

        Never raises: what cannot be removed now waits for `compact`.
        """
        return None

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove it; whether it was there."""
        return bool(self.delete_many([(namespace, key)]))

    def delete_many(self, places: Collection[Place]) -> list[Place]:
        """Remove them in one transaction; those that were there."""
        self._write_when_due()
        wanted = {place: self._place(place[1], place[0]) for place in places}
        if not wanted:
            return []
        with self._link.writing() as connection:
            gone = {place: left for place in wanted if (left := self._remove(connection, wanted[place])) is not None}
        self._after({wanted[place]: left for place, left in gone.items()})
        return list(gone)

    def discard(self, key: str, seen: Held, namespace: str = "") -> bool:
        """Remove it only if it is still what was seen; nobody can write between the look and the removal."""
        place = self._place(key, namespace)
        with self._link.writing() as connection:
            found = self._read(connection, place)
            if found is None or (found.created, found.expires, found.value) != (seen.created, seen.expires, seen.value):
                return False
            left = self._remove(connection, place)
        self._after({} if left is None else {place: left})
        return left is not None

    def discard_stale(self, now: float) -> list[Known]:
        """Remove in one transaction every entry that is stale at `now`; what went."""
        self._write_when_due()
        with self._link.writing() as connection:
            stale = {entry.place: entry for entry in list(self._stale(connection, now))}
            gone = {place: left for place in stale if (left := self._remove(connection, place)) is not None}
        self._after(gone)
        return [stale[place] for place in gone]

    def _after(self, left: Mapping[Place, str]) -> None:
        for place in left:
            self._uses.forget(place)
        self._clean_up(left)

    # Uses.

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Note a use in memory, and write those that are due."""
        self._uses.note(self._place(key, namespace), accessed)
        self._write_when_due()

    def _write_when_due(self) -> None:
        """Write uses where it is time and nobody writes just now; never raises, what fails waits as long again."""
        if self._uses.are_due:
            taken = self._uses.take()
            try:
                with self._link.writing_at_once() as connection:
                    self._write(connection, taken)
            except CacheStudioError as error:
                _log.info("Uses are not written now: %s", error.message)
                self._uses.give_back(taken)

    def flush(self) -> None:
        """Write the uses that are only in memory; CacheUnavailable where that fails, and they wait."""
        taken = self._uses.take()
        if taken:
            try:
                with self._link.writing() as connection:
                    self._write(connection, taken)
            except CacheStudioError:
                self._uses.give_back(taken)
                raise

    def _write(self, connection: sqlite3.Connection, taken: dict[Place, tuple[int, float]]) -> None:
        for place, (count, accessed) in taken.items():
            self._add_uses(connection, place, count, accessed)

    def close(self) -> None:
        """Write the uses, where that is possible, and let go of the database. Safe to call twice."""
        if not self._is_closed:
            self._is_closed = True
            try:
                self.flush()
            except CacheStudioError as error:
                _log.warning("The last uses of %s are lost: %s", self._link.path, error.message)
            self._link.close()

    def begin_in_child(self) -> None:
        """In a forked child: the connections are the parent's, and so are the uses that wait."""
        if not self._is_closed:
            self._uses.begin_in_child()
            self._link.begin_in_child()

    # Space.

    def compact(self) -> int:
        """Give free pages back to the disk; the bytes by which the files became smaller."""
        from cache_studio.adapters.sqlite_database import Database  # only who compacts needs it

        database = Database(self._link.path)
        try:
            return database.vacuum()
        finally:
            database.close()


def json_cell(found: object) -> str:
    """Tags or metadata as JSON text that SQLite takes; BadRequest for what is no JSON."""
    try:
        text = json.dumps(found, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"Tags or metadata are no JSON: {error}.", "Use texts, numbers, lists and objects.") from None
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(found)
    return text


def later_sql(column: str) -> str:
    """SQL for the later of the time in a column (already quoted) and a given one, which is bound three times."""
    return f"CASE WHEN typeof({column}) = typeof(?) AND {column} > ? THEN {column} ELSE ? END"


def _begin_in_child() -> None:
    for access in list(_open):
        access.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
