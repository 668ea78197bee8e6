"""How diskcache lies on disk: its tables, its settings, where a value file is."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from cache_studio.adapters.diskcache import DATABASE
from cache_studio.adapters.files import Folder, safe_name, stamp_of
from cache_studio.adapters.sqlite_open import Cell, Table
from cache_studio.model.identity import Stamp

TABLE = "Cache"
SETTINGS = "Settings"
COLUMNS = frozenset(
    (
        *("rowid", "key", "raw", "store_time", "expire_time", "access_time", "access_count"),
        *("tag", "size", "mode", "filename", "value"),
    )
)
NEEDED_SETTINGS = frozenset(("count", "size", "hits", "misses", "eviction_policy"))
TRIGGERS = frozenset(
    f"CREATE TRIGGER Settings_{name} AFTER {event} ON Cache FOR EACH ROW BEGIN UPDATE Settings"
    f' SET value = value {change} WHERE key = "{setting}"; END'
    for name, event, change, setting in (
        ("count_insert", "INSERT", "+ 1", "count"),
        ("count_delete", "DELETE", "- 1", "count"),
        ("size_insert", "INSERT", "+ NEW.size", "size"),
        ("size_update", "UPDATE", "+ NEW.size - OLD.size", "size"),
        ("size_delete", "DELETE", "- OLD.size", "size"),
    )
)
"""What keeps the counters of `Settings` right: they touch no other entry."""

RAW, BINARY, TEXT, PICKLE = 1, 2, 3, 4
"""What `mode` says of a value."""
LRU = "least-recently-used"
LFU = "least-frequently-used"
DATA_POLICY = "none"
"""A Deque or an Index never evicts."""
DEQUE_KEYS = range(400_000_000_000_000, 600_000_000_000_000)

MISSING = "Its value file is missing."
OUTSIDE = "Its file name leads out of the cache; that file is not touched."
SPECIAL = "Its value file is a link or a special file; it is not opened."
_MOST_PARTS = 8

Parts = tuple[str, ...]


def is_cache_table(tables: Mapping[str, Table]) -> bool:
    """Whether the tables are those of diskcache."""
    if TABLE not in tables or SETTINGS not in tables:
        return False
    return frozenset(tables[TABLE].names) == COLUMNS and frozenset(tables[SETTINGS].names) == {"key", "value"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The table `Settings`: options and counters by name."""

    cells: Mapping[str, Cell] = field(default_factory=dict)

    @property
    def are_complete(self) -> bool:
        """Whether it has what every diskcache has."""
        return self.cells.keys() >= NEEDED_SETTINGS

    def text(self, name: str) -> str:
        """A setting as text, "" when it is none."""
        cell = self.cells.get(name)
        return cell if isinstance(cell, str) else ""

    def number(self, name: str) -> int | None:
        """A counter or size; the size limit of a shard is a float."""
        cell = self.cells.get(name)
        if isinstance(cell, float):
            return int(cell) if abs(cell) < 1 << 62 else None
        return cell if isinstance(cell, int) else None

    @property
    def policy(self) -> str:
        """By what it evicts."""
        return self.text("eviction_policy")

    @property
    def names_json(self) -> bool:
        """Whether they say that a JSONDisk keeps keys and values; one with the usual compression is not mentioned."""
        return "disk_compress_level" in self.cells

    @property
    def counts_hits(self) -> bool:
        """Whether hits and misses are counted now."""
        return bool(self.number("statistics"))


@dataclass(frozen=True, slots=True)
class ValueFile:
    """The file that a row names; `parts` None where there is none to be used, `problem` why."""

    parts: Parts | None = None
    status: os.stat_result | None = None
    problem: str = ""

    @property
    def size(self) -> int:
        """Bytes, 0 without a file."""
        return self.status.st_size if self.status else 0

    @property
    def stamp(self) -> Stamp:
        """Changed by every write of the file; empty without one."""
        return stamp_of(self.status) if self.status else ()


NO_FILE = ValueFile()


def value_parts(filename: str) -> Parts | None:
    """Names from the cache's folder down to a value file; None for what leads elsewhere or to the database."""
    # A path from Windows has its separators; in a name of Linux a backslash would never be.
    parts = tuple(filename.replace("\\", "/").split("/"))
    if len(parts) > _MOST_PARTS or not all(map(safe_name, parts)):
        return None
    return None if any(part.startswith(DATABASE) for part in parts) else parts


def value_file(root: Folder, filename: Cell) -> ValueFile:
    """What lies where a row says that its value is; no link is followed."""
    if filename is None:
        return NO_FILE
    parts = value_parts(filename) if isinstance(filename, str) else None
    if parts is None:
        return ValueFile(problem=OUTSIDE)
    try:
        with root.holding(parts) as folder:
            status = folder.status(parts[-1])
    except (FileNotFoundError, NotADirectoryError):
        return ValueFile(problem=MISSING)
    except (OSError, ValueError):
        return ValueFile(problem=SPECIAL)
    return ValueFile(parts, status) if stat.S_ISREG(status.st_mode) else ValueFile(problem=SPECIAL)


def remove_empty_folders(root: Folder, parts: Parts) -> None:
    """Remove the folders above a value file that hold nothing any more, as the library does."""
    for depth in range(len(parts) - 1, 0, -1):
        with suppress(OSError), root.holding(parts[:depth]) as above:
            above.remove_folder(parts[depth - 1])
            continue
        return
