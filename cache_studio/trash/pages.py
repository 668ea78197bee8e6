"""Copies that are written as one page: what thousands of removed entries cost while they are removed.

A page is one row of the index and proved whole by one digest. Nobody sees it from outside: whoever asks for a copy
by itself gets the page unfolded into rows of `copies` first. Until then nothing in it is restored or amended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import eq
from sqlite3 import Connection
from typing import Any, NamedTuple, cast
from zlib import crc32

import msgpack

from cache_studio.adapters.copy_columns import CopyColumns
from cache_studio.config.database import Database
from cache_studio.trash.index import STAYING, blob_of, in_hundreds, insert_copies, is_moved, marks

FOLDED_FROM = 100
"""So many copies at once are written as a page; fewer are soon written, and more likely looked at one by one."""
LARGEST_PAGE = 16_000_000
"""Bytes of copies on one page."""
_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was written and is not settled yet, with what is on it."""

    id: int
    copies: CopyColumns
    lengths: Sequence[int]
    """Bytes of the files of each."""

    @property
    def kept_bytes(self) -> int:
        """Bytes of its copies."""
        return sum(map(len, self.copies.data)) + sum(self.lengths)


def fits(copies: CopyColumns) -> bool:
    """Whether these copies are written as a page: many, none with files that were written here, small together."""
    return (
        len(copies) >= FOLDED_FROM
        and all(is_moved(name) for names in copies.files for name in names)
        and sum(map(len, copies.data)) <= LARGEST_PAGE
    )


def write_page(write: Connection, action: int, copies: CopyColumns, lengths: Sequence[int]) -> Page:
    """Write a page that is not settled, in a transaction. `lengths`: bytes of the files of each copy."""
    files = list(map("\n".join, copies.files))
    whole = copies.keys, copies.namespaces, copies.sizes, copies.data, copies.ids
    columns = *whole, files, lengths, _checks(copies.data, copies.ids, files)
    data = msgpack.packb([list(column) for column in columns], unicode_errors="surrogateescape")
    row = (action, len(copies), data, _digest(data))
    added = write.execute("INSERT INTO pages(action, count, data, digest, settled) VALUES(?,?,?,?,0)", row)
    return Page(cast(int, added.lastrowid), copies, lengths)


def settle_pages(write: Connection, action: int, pages: Sequence[Page]) -> None:
    """The entries of these pages are removed: they wait for undo from now on. In a transaction."""
    for page in pages:
        write.execute("UPDATE pages SET settled=1 WHERE id=?", (page.id,))
        count, size, kept = len(page.copies), sum(page.copies.sizes), page.kept_bytes
        write.execute(
            "UPDATE actions SET removed=removed+?, waiting=waiting+?, bytes=bytes+?, kept_bytes=kept_bytes+?"
            " WHERE number=?",
            (count, count, size, kept, action),
        )


def drop_pages(write: Connection, pages: Sequence[Page]) -> None:
    """The entries of these pages, which are not settled, stayed or were gone. In a transaction."""
    for some in in_hundreds(page.id for page in pages):
        write.execute(f"DELETE FROM pages WHERE settled=0 AND id IN ({marks(some)})", some)
    names = ((name,) for page in pages for files in page.copies.files for name in files)
    write.executemany("DELETE FROM files WHERE name=?", names)


def unsettled_files(write: Connection, action: int) -> set[str]:
    """The names of files on pages of an action that are not settled; all of its files where one is damaged."""
    found: set[str] = set()
    for data, digest in write.execute("SELECT data, digest FROM pages WHERE action=? AND settled=0", (action,)):
        if _digest(data) == digest:
            found.update(name for names in _opened(data).copies.files for name in names)
        else:
            found.update(name for (name,) in write.execute("SELECT name FROM files WHERE action=?", (action,)))
    return found


def unfold(database: Database, page_id: int) -> range:
    """Turn a page into rows of `copies`, settled as it was; their ids, none when the page is gone."""
    with database.transaction() as write:
        found = write.execute("SELECT action, count, data, digest, settled FROM pages WHERE id=?", (page_id,))
        row = found.fetchone()
        if row is None:
            return range(0)
        action, count, data, digest, settled = row
        write.execute("DELETE FROM pages WHERE id=?", (page_id,))
        if _digest(data) == digest:
            page, intact = _opened(data), [True] * count
        else:
            page, intact = _salvaged(data, count)
        return insert_copies(write, action, page.copies, page.lengths, settled, intact)


def unfold_next(database: Database, action: int, settled: int) -> bool:
    """Unfold the oldest page of an action; whether there was one."""
    rows = database.read("SELECT id FROM pages WHERE action=? AND settled=? ORDER BY id LIMIT 1", (action, settled))
    for (page_id,) in rows:
        unfold(database, page_id)
    return bool(rows)


def unfold_keys(database: Database, action: int, keys: Sequence[str]) -> None:
    """Unfold the pages of an action on which one of these keys waits."""
    wanted = set(keys)
    for (page_id,) in database.read("SELECT id FROM pages WHERE action=? AND settled=1 ORDER BY id", (action,)):
        if not wanted.isdisjoint(_keys(database, page_id)):
            unfold(database, page_id)


def unfold_found(database: Database, text: str, action_id: str, limit: int, found: dict[int, int]) -> None:
    """Unfold pages until the newest `limit` copies whose key contains `text` (no matter whether a to z are capitals).

    `found` says how many of them are rows already, by the number of their action; with `action_id` of that one alone.
    """
    wanted, unfolded = blob_of(text).lower(), 0
    rows = database.read(
        "SELECT p.id, a.number FROM pages p JOIN actions a ON a.number=p.action WHERE p.settled=1"
        f" AND a.verb<>'{STAYING}' AND (?='' OR a.id=?) ORDER BY a.number DESC, p.id",
        (action_id, action_id),
    )
    for page_id, number in rows:
        if unfolded + sum(count for action, count in found.items() if action >= number) >= limit:
            return
        matches = sum(wanted in blob_of(key).lower() for key in _keys(database, page_id))
        if matches:
            unfold(database, page_id)
            unfolded += matches


def _keys(database: Database, page_id: int) -> Sequence[str]:
    """The keys on a page; of a damaged one none."""
    rows = database.read("SELECT data, digest FROM pages WHERE id=?", (page_id,))
    return _opened(rows[0][0]).copies.keys if rows and _digest(rows[0][0]) == rows[0][1] else ()


class _Opened(NamedTuple):
    """What is written on a page."""

    copies: CopyColumns
    lengths: Sequence[int]
    are_intact: list[bool]
    """What the check of each says."""


def _opened(data: bytes) -> _Opened:
    """The copies of a page; ValueError and others where it is no page any more."""
    columns: list[Any] = msgpack.unpackb(data, unicode_errors="surrogateescape", use_list=True)
    if not isinstance(columns, list) or len(columns) != _COLUMNS or len(set(map(len, columns))) != 1:
        raise ValueError("not the columns of a page")
    keys, namespaces, sizes, copied, ids, files, lengths, checks = columns
    names = [tuple(one.split("\n")) if one else () for one in files]
    are_intact = list(map(eq, _checks(copied, ids, files), checks))
    return _Opened(CopyColumns(keys, namespaces, sizes, copied, ids, names), lengths, are_intact)


def _salvaged(data: bytes, count: int) -> tuple[_Opened, list[bool]]:
    """What a damaged page holds: each copy proves itself by its check."""
    try:
        page = _opened(data)
        if len(page.copies) == count:
            return page, page.are_intact
    except (ValueError, TypeError, AttributeError, msgpack.UnpackException):
        pass
    nothing = CopyColumns([""] * count, [""] * count, [0] * count, [b""] * count, [b""] * count, [()] * count)
    return _Opened(nothing, [0] * count, []), [False] * count


def _checks(data: Iterable[bytes], ids: Iterable[bytes], files: Iterable[str]) -> list[int]:
    """Of each copy alone: where a page is damaged, the others on it are not lost."""
    return [
        crc32(names.encode(), check) if names else check
        for names, check in zip(files, map(crc32, data, map(crc32, ids)), strict=True)
    ]


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
