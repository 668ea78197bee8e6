"""The index of the trash: the tables, what an action is, and how a copy is written down and proved intact.

One table of actions serves undo and the activity list alike: actions that leave no copies are in it too.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, repeat
from sqlite3 import Connection

from cache_studio.adapters.base import EntryCopy
from cache_studio.config.database import Database, Row, Schema

SCHEMA = Schema(
    name="The trash",
    synchronous="FULL",
    steps=(
        """
        CREATE TABLE actions(
            number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at REAL NOT NULL, verb TEXT NOT NULL,
            target BLOB NOT NULL, format TEXT NOT NULL, options TEXT NOT NULL, cache_name TEXT NOT NULL,
            planned INTEGER NOT NULL, removed INTEGER NOT NULL, bytes INTEGER NOT NULL, restored INTEGER NOT NULL,
            waiting INTEGER NOT NULL, kept_bytes INTEGER NOT NULL, state TEXT NOT NULL, by TEXT NOT NULL,
            note TEXT NOT NULL, undone_at REAL);
        CREATE TABLE copies(
            id INTEGER PRIMARY KEY AUTOINCREMENT, action INTEGER NOT NULL REFERENCES actions(number),
            entry BLOB NOT NULL, key BLOB NOT NULL, namespace BLOB NOT NULL, size INTEGER NOT NULL,
            data BLOB NOT NULL, files TEXT NOT NULL, kept_bytes INTEGER NOT NULL, digest BLOB NOT NULL,
            settled INTEGER NOT NULL);
        CREATE INDEX copies_of_action ON copies(action, settled, id);
        CREATE TABLE files(name TEXT PRIMARY KEY, action INTEGER NOT NULL, length INTEGER NOT NULL,
            digest BLOB NOT NULL) WITHOUT ROWID;
        CREATE INDEX files_of_action ON files(action)
        """,
        """
        CREATE TABLE pages(
            id INTEGER PRIMARY KEY AUTOINCREMENT, action INTEGER NOT NULL REFERENCES actions(number),
            count INTEGER NOT NULL, data BLOB NOT NULL, digest BLOB NOT NULL, settled INTEGER NOT NULL);
        CREATE INDEX pages_of_action ON pages(action, settled, id)
        """,
    ),
)


STAYING = "ttl"
"""The verb of actions whose entries stay in their cache: what they were before waits for undo, not in the trash."""


class State(StrEnum):
    """How far an action is."""

    OPEN = "open"
    """Running, or ended by a kill and not recovered yet."""
    DONE = "done"
    UNDOING = "undoing"
    """Being undone, or a kill ended that and nobody has recovered it yet."""
    PARTLY = "partly"
    """Undone for some of its entries; the others still wait."""
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done to a cache. `waiting` entries of it can be brought back."""

    id: str
    """Short and typeable; what `undo` is given."""
    at: float
    verb: str
    target: str
    format: str
    options: Mapping[str, str]
    cache_name: str
    planned: int
    removed: int
    bytes: int
    """Sum of the sizes of what was removed."""
    restored: int
    waiting: int
    kept_bytes: int
    """Bytes that the waiting copies take."""
    state: State
    by: str
    """"window" or "command"."""
    note: str = ""
    """One sentence for the activity list, or ""."""
    undone_at: float | None = None


ACTION_COLUMNS = (
    "id, at, verb, target, format, options, cache_name, planned, removed, bytes, restored, waiting, kept_bytes, "
    "state, by, note, undone_at"
)


def action_of(row: Row) -> Action:
    """An action from a row of ACTION_COLUMNS."""
    values = list(row)
    values[3] = text_of(row[3])
    values[5] = json.loads(row[5])
    values[13] = State(row[13])
    return Action(*values)


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """One line of `trash list`."""

    copy_id: int
    action_id: str
    verb: str
    at: float
    """When it was removed."""
    key: str
    namespace: str
    size: int
    cache_name: str
    target: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that `TrashBin.file` took, or one for which `TrashBin.berths` gave a name."""

    name: str
    length: int
    digest: bytes
    """Empty where the file itself was moved here: it was never read."""


MOVED = "moved-"
"""How the names of files begin that were moved here. Such a copy is one from the moment its file came."""


def is_moved(name: str) -> bool:
    """Whether a file of this name was moved here, or was about to be."""
    return name.rpartition("/")[2].startswith(MOVED)


COPY_COLUMNS = "id, entry, key, namespace, size, data, files, digest"


def insert_copies(
    write: Connection,
    action: int,
    copies: Sequence[EntryCopy],
    lengths: Sequence[int],
    settled: int = 0,
    intact: Iterable[bool] = repeat(True),
) -> range:
    """Write copies, each with the bytes of its files, in a transaction; their ids. A copy not intact gets no proof."""
    start: int = write.execute("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name='copies'").fetchone()[
        0
    ]
    ids = range(start, start + len(copies))
    fields = map(_fields, copies)
    write.executemany(
        "INSERT INTO copies VALUES(?,?,?,?,?,?,?,?,?,?,?)",
        (
            (copy_id, action, *cells, len(cells[4]) + length, _digest(cells) if whole else b"", settled)
            for copy_id, cells, length, whole in zip(ids, fields, lengths, intact, strict=False)
        ),
    )
    return ids


def digest_of(copy: EntryCopy) -> bytes:
    """What proves that a row is the copy that was written."""
    return _digest(_fields(copy))


def _fields(copy: EntryCopy) -> tuple[bytes, bytes, bytes, int, bytes, str]:
    return (copy.id, blob_of(copy.key), blob_of(copy.namespace), copy.size, copy.data, "\n".join(copy.files))


def copy_of(row: Row) -> EntryCopy | None:
    """A copy from a row of COPY_COLUMNS, or None when it is not what was written."""
    _, entry, key, namespace, size, data, files, digest = row
    if _digest((entry, key, namespace, size, data, files)) != digest:
        return None
    names = tuple(files.split("\n")) if files else ()
    return EntryCopy(text_of(key), text_of(namespace), size, data, entry, names)


def blob_of(text: str) -> bytes:
    """Text as it is kept: keys and paths need not be UTF-8, which SQLite's TEXT must."""
    return text.encode("utf-8", "surrogateescape")


def text_of(blob: bytes) -> str:
    """What `blob_of` was given."""
    return blob.decode("utf-8", "surrogateescape")


def _digest(fields: Iterable[object]) -> bytes:
    parts: list[bytes] = []
    for value in fields:
        data = value if isinstance(value, bytes) else str(value).encode()
        parts += (b"%d:" % len(data), data)
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def file_names(database: Database, copy_ids: Sequence[int]) -> list[str]:
    """The names of all files of these copies."""
    names: list[str] = []
    for some in in_hundreds(copy_ids):
        rows = database.read(f"SELECT files FROM copies WHERE files<>'' AND id IN ({marks(some)})", some)
        names += [name for (files,) in rows for name in files.split("\n")]
    return names


def marks(values: Sequence[object]) -> str:
    """Question marks for an IN list."""
    return ",".join("?" * len(values))


def in_hundreds(values: Iterable[int]) -> Iterable[list[int]]:
    """Cut into lists that fit into one statement."""
    rest = iter(values)
    while some := list(islice(rest, 500)):
        yield some
