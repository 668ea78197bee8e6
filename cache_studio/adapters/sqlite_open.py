"""How a foreign SQLite database is opened: what it declares, and connections that cannot harm it.

Nothing here opens the file except through SQLite itself, because a plain open and close would drop the
locks that this process holds on it. Names out of a schema are hostile text and always quoted.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from cache_studio.adapters.sqlite_errors import BUSY_SECONDS, require_database_file
from cache_studio.model.errors import CacheStudioError

Cell = str | bytes | int | float | None
"""What a column of a row holds; text that is no UTF-8 survives through surrogateescape."""

ROWID_NAMES = ("rowid", "_rowid_", "oid")
MAX_TABLES = 500
"""How many tables of a schema are looked at."""
LOOK_SECONDS = 1.0
"""How long one look at a schema or at sample rows may take."""
LENGTH_LIMIT = 512_000_000
"""The longest value that is ever held in memory."""

_ASKING = frozenset(
    ("auto_vacuum", "data_version", "encoding", "freelist_count", "journal_mode", "page_count", "page_size")
)
"""Settings that may be asked for but not set."""
_DESCRIBING = frozenset(("table_list", "table_xinfo", "index_list", "index_info"))
"""Pragmas whose argument is a name to describe."""
_READING_ACTIONS = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE))
_CACHE_KB = 256
"""Pages that a reader keeps: a listing passes each once, and SQLite's 2 MB stay as long as the cache is attached."""
_PROGRESS_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Column:
    """A stored column: `type` as declared, `pk` its place in the primary key from 1, or 0."""

    name: str
    type: str
    pk: int


@dataclass(frozen=True)  # no slots: what is worked out of it is asked for with every row, and kept
class Table:
    """A plain table: no view, no virtual or shadow table, none of SQLite's own. Generated columns are left out."""

    name: str
    columns: tuple[Column, ...]
    rowid: bool
    """False for WITHOUT ROWID tables."""
    unique: tuple[tuple[str, ...], ...] = ()
    """Sets of columns that no two rows share (rows with a NULL among them aside), beside the primary key."""
    triggers: int = 0
    """How many triggers run when its rows change."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, as declared and in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def primary_key(self) -> tuple[Column, ...]:
        """The columns of the primary key in its order; empty when none is declared."""
        return tuple(sorted((column for column in self.columns if column.pk), key=lambda column: column.pk))

    @cached_property
    def rowid_name(self) -> str:
        """A name that means the rowid here; "" when there is none or every such name is a column's own."""
        if not self.rowid:
            return ""
        key = self.primary_key
        if len(key) == 1 and key[0].type.upper() == "INTEGER":
            return key[0].name
        taken = {name.lower() for name in self.names}
        return next((name for name in ROWID_NAMES if name not in taken), "")

    def sql(self, name: str) -> str:
        """A column or the rowid for SQL. Quoted, a rowid that is no column would be taken for a text."""
        return name if name in ROWID_NAMES and name not in self.names else quoted(name)


def read_schema(path: str) -> Mapping[str, Table]:
    """The plain tables of a database by name, empty when it cannot be read. Leaves no trace.

    Call it where no connection to the same database is open (in a child process).
    """
    try:
        with closing(_short_look(path)) as connection:
            return tables_of(connection)
    except (sqlite3.Error, CacheStudioError):
        return {}


def read_rows(path: str, table: str, limit: int = 20) -> list[dict[str, Cell]]:
    """A few rows to guess a mapping from, long values cut at 1,000 characters; empty when unreadable.

    Call it where no connection to the same database is open (in a child process).
    """
    try:
        with closing(_short_look(path)) as connection:
            found = tables_of(connection).get(table)
            if found is None:
                return []
            columns = ", ".join(_cut(quoted(name)) for name in found.names)
            rows = connection.execute(f"SELECT {columns} FROM {quoted(table)} LIMIT ?", (limit,)).fetchall()
            return [dict(zip(found.names, row, strict=True)) for row in rows]
    except (sqlite3.Error, CacheStudioError):
        return []


def _cut(column: str) -> str:
    return f"CASE WHEN typeof({column}) IN ('text', 'blob') THEN substr({column}, 1, 1000) ELSE {column} END"


def tables_of(connection: sqlite3.Connection) -> dict[str, Table]:
    """The plain tables that a connection sees, at most MAX_TABLES, by name."""
    # Rows: schema, name, type, columns, without rowid, strict; and: cid, name, type, not null, default, pk, hidden.
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    counted = connection.execute(
        "SELECT lower(tbl_name), count(*) FROM sqlite_master WHERE type = 'trigger' GROUP BY 1"
    )
    triggers = dict(counted.fetchall())
    tables = {}
    for _schema, name, kind, _count, without_rowid, _strict in sorted(listed)[:MAX_TABLES]:
        if kind == "table" and not name.lower().startswith("sqlite_"):
            described = connection.execute(f"PRAGMA main.table_xinfo({quoted(name)})").fetchall()
            columns = tuple(Column(row[1], row[2], row[5]) for row in described if row[6] == 0)
            unique = _unique_sets(connection, name)
            tables[name] = Table(name, columns, not without_rowid, unique, triggers.get(name.lower(), 0))
    return tables


def _unique_sets(connection: sqlite3.Connection, table: str) -> tuple[tuple[str, ...], ...]:
    # Rows: number, name, unique, origin, partial; and: place, column number, column name (None for an expression).
    sets = []
    for _number, index, unique, _origin, partial in connection.execute(f"PRAGMA main.index_list({quoted(table)})"):
        columns = [row[2] for row in connection.execute(f"PRAGMA main.index_info({quoted(index)})")]
        if unique and not partial and None not in columns:
            sets.append(tuple(columns))
    return tuple(sets)


def quoted(name: str) -> str:
    """An identifier for SQL, whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def readable_text(data: bytes) -> str:
    """Stored text as `str`; bytes that are no UTF-8 survive."""
    return data.decode("utf-8", "surrogateescape")


def bound(value: Cell) -> tuple[str, Cell]:
    """The SQL placeholder and the value to bind for a cell; text that is no UTF-8 is bound as its bytes."""
    if isinstance(value, str) and not _is_encodable(value):
        return "CAST(? AS TEXT)", value.encode("utf-8", "surrogateescape")
    return "?", value


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def connect(path: str, mode: str) -> sqlite3.Connection:
    """A connection in autocommit mode; `mode` is SQLite's "ro" or "rw", neither creates a file."""
    return connect_with(path, f"mode={mode}")


def connect_with(path: str, parameters: str) -> sqlite3.Connection:
    """As `connect`, with URI parameters of SQLite."""
    uri = f"file:{quote(os.fsencode(os.path.abspath(path)))}?{parameters}"
    # The worker thread of an attachment uses it alone; only `interrupt` comes from another.
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LENGTH_LIMIT)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 10)
    connection.execute("PRAGMA trusted_schema = 0")
    return connection


def guard_reading(connection: sqlite3.Connection, must_stop: Callable[[], bool]) -> None:
    """Let a connection do nothing but read; a query ends as soon as `must_stop` says so."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_VDBE_OP, 25_000)
    connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50)
    for setting in ("query_only = 1", "cell_size_check = 1", "mmap_size = 0", f"cache_size = -{_CACHE_KB}"):
        connection.execute(f"PRAGMA {setting}")
    connection.set_authorizer(_allow_reading)
    connection.set_progress_handler(lambda: int(must_stop()), _PROGRESS_STEPS)


def _allow_reading(action: int, first: str | None, second: str | None, _database: str | None, _by: str | None) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        allowed = first in _DESCRIBING or (first in _ASKING and second is None)
    else:
        allowed = action in _READING_ACTIONS or (action == sqlite3.SQLITE_FUNCTION and second != "load_extension")
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def sidecars(path: str) -> tuple[str, str, str]:
    """The paths of a database's -wal, -shm and -journal."""
    return f"{path}-wal", f"{path}-shm", f"{path}-journal"


def _short_look(path: str) -> sqlite3.Connection:
    path = os.path.realpath(path)
    require_database_file(path)
    wal, _shm, journal = sidecars(path)
    # Without a log and a journal nobody is writing, and an immutable look leaves no -wal or -shm behind.
    # Only ever for such a short look: it would not notice a writer that comes later.
    at_rest = not os.path.exists(wal) and not os.path.exists(journal)
    connection = connect_with(path, "mode=ro&immutable=1" if at_rest else "mode=ro")
    end = time.monotonic() + LOOK_SECONDS
    guard_reading(connection, lambda: time.monotonic() > end)
    connection.text_factory = readable_text
    return connection


def are_encodable(values: Sequence[Cell]) -> bool:
    """Whether all texts among them are UTF-8, so that each may be bound as it is."""
    return _is_encodable("".join([value for value in values if isinstance(value, str)]))


def placeholders(values: Sequence[Cell]) -> tuple[str, list[Cell]]:
    """The comma-separated placeholders for these cells and what to bind."""
    if are_encodable(values):
        return ", ".join("?" * len(values)), list(values)
    pairs = [bound(value) for value in values]
    return ", ".join(pair[0] for pair in pairs), [pair[1] for pair in pairs]
