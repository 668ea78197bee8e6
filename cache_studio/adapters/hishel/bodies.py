"""The bodies of entries: chunks in a second table that come and go with the row they belong to."""

import math
import sqlite3
import time
from dataclasses import dataclass, field

from cache_studio.adapters.hishel.layout import ENTRIES, STREAMS
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_rows import NEWER, Ask, Copied, Row, Rows, asking
from cache_studio.model.identity import EntryId
from cache_studio.model.payload import Piece
from cache_studio.model.seeing import Fate, Restoration, Return

SUMMARY_SQL = (
    "(SELECT count(*) || ' ' || ifnull(sum(length(chunk_data)), 0) || ' ' || ifnull(min(chunk_number), 0)"
    f" FROM {STREAMS} WHERE entry_id = {ENTRIES}.id)"
)
"""How many chunks an entry has, their bytes and the lowest number, as one text: `summary_of`."""
_MARKER = -1
"""The number of the empty chunk by which generation 1 says that a body is complete."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The chunks of one entry, not read."""

    chunks: int
    bytes: int
    is_marked: bool
    """Whether the mark of a complete body is among them (generation 1); it is not counted in `chunks`."""


def summary_of(cell: Cell) -> Summary:
    """What `SUMMARY_SQL` answered."""
    count, total, lowest = (int(part) for part in str(cell).split())
    return Summary(count - (lowest == _MARKER), total, lowest == _MARKER)


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies beside a row that is copied."""

    chunks: list[tuple[Cell, ...]]
    """Number and content of each."""
    siblings: list[Cell]
    """Ids of the entries that had the same cache key when it was copied: variants by their Vary."""


@dataclass(frozen=True)
class RowsWithBodies(Rows):
    """Rows of `entries` whose chunks are removed and put back with them, in the same transaction.

    The application declares this by a foreign key, which SQLite obeys on its connections only.
    """

    copied: dict[EntryId, Cell] = field(default_factory=dict)
    """For the removal in progress: the summary of each body that was copied."""
    returning: dict[EntryId, Kept] = field(default_factory=dict)
    """For the restoration in progress: what comes back beside each row."""

    def remove_equal(self, connection: sqlite3.Connection, copied: Copied, seconds: float = math.inf) -> list[Fate]:
        """As `Rows.remove_equal`; an entry whose body grew since it was copied stays."""
        ask = asking(connection)
        end = time.perf_counter() + seconds
        fates: list[Fate] = []
        for at, entry_id in enumerate(copied.ids):
            if fates and time.perf_counter() > end:
                break
            body = summary(ask, entry_id)
            if body is not None and body != self.copied.get(entry_id):
                fates.append(Fate.CHANGED)
                continue
            fates += super().remove_equal(connection, copied.part(at, at + 1))
            if fates[-1] is not Fate.CHANGED:
                connection.execute(f"DELETE FROM {STREAMS} WHERE entry_id = ?", (entry_id,))
        return fates

    def put_back(self, connection: sqlite3.Connection, entry_id: EntryId, row: Row) -> Restoration:
        """As `Rows.put_back`; an entry that the application stored for the same request meanwhile is a newer one."""
        ask = asking(connection)
        kept = self.returning.pop(entry_id)
        cache_key = row[self.columns.index("cache_key")]
        now = ask(f"SELECT id FROM {ENTRIES} WHERE cache_key IS ?", (cache_key,))
        if any(found not in (entry_id, *kept.siblings) for (found,) in now):
            return Restoration(Return.NEWER_KEPT, NEWER)
        answer = super().put_back(connection, entry_id, row)
        if answer.fate is Return.RESTORED:
            connection.executemany(
                f"INSERT OR IGNORE INTO {STREAMS} (entry_id, chunk_number, chunk_data) VALUES (?, ?, ?)",
                [(entry_id, *chunk) for chunk in kept.chunks],
            )
        return answer


def summary(ask: Ask, entry_id: EntryId) -> Cell:
    """The summary of one entry's body; None when the entry is gone."""
    found = ask(f"SELECT {SUMMARY_SQL} FROM {ENTRIES} WHERE id = ?", (_blob(entry_id),))
    return found[0][0] if found else None


def kept_beside(database: Database, entry_id: EntryId) -> Kept:
    """A copy of what lies beside the row."""
    chunks = database.rows(
        f"SELECT chunk_number, chunk_data FROM {STREAMS} WHERE entry_id = ? ORDER BY chunk_number", (_blob(entry_id),)
    )
    siblings = database.rows(
        f"SELECT id FROM {ENTRIES} WHERE cache_key IS (SELECT cache_key FROM {ENTRIES} WHERE id = ?)",
        (_blob(entry_id),),
    )
    return Kept(chunks, [found for (found,) in siblings])


def read_body(database: Database, entry_id: EntryId, max_bytes: int | None) -> Piece:
    """The body across its chunks, cut at `max_bytes`."""
    place = (_blob(entry_id),)
    where = f"FROM {STREAMS} WHERE entry_id = ? AND chunk_number"
    lengths = database.rows(
        f"SELECT chunk_number, length(CAST(chunk_data AS BLOB)) {where} >= 0 ORDER BY chunk_number", place
    )
    total = sum(int(length or 0) for _number, length in lengths)
    room = total if max_bytes is None else min(max_bytes, total)
    body = bytearray()
    for number, _length in lengths:
        if len(body) >= room:
            break
        part = database.value(
            f"SELECT substr(CAST(chunk_data AS BLOB), 1, {room - len(body)}) {where} = ?", (*place, number)
        )
        body += part if isinstance(part, bytes) else b""
    missing = next((at for at, (number, _length) in enumerate(lengths) if number != at), None)
    problem = "" if missing is None else f"Chunk {missing} of the body is missing."
    return Piece("body", bytes(body), total, problem=problem)


def _blob(entry_id: EntryId) -> Cell:
    return entry_id if isinstance(entry_id, str | int | bytes) else None
