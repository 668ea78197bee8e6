"""How an asset cache lies on disk and what a row means; written once for the studio and the runtime."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cache_studio.adapters.asset_cache.names import (
    COUNTING_FROM_ONE,
    DATABASE,
    FOLDER,
    OTHER_SUFFIX,
    PARTS,
    SUFFIXES,
    TABLE,
)
from cache_studio.adapters.files import safe_name
from cache_studio.adapters.sqlite_open import Cell, Table
from cache_studio.model.errors import CacheUnavailable, WrongFormat
from cache_studio.model.options import OptionValue
from cache_studio.model.times import parse_time

SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (id INTEGER PRIMARY KEY, asset_type TEXT NOT NULL, prompt_hash TEXT NOT NULL,"
    " prompt_text TEXT NOT NULL, file_path TEXT NOT NULL, metadata TEXT, created_at TEXT, last_used_at TEXT,"
    " use_count INTEGER DEFAULT 1, UNIQUE(asset_type, prompt_hash))"
)
TAGS = "tags"
EXPIRES = "expires_at"
"""Names inside the metadata: a list of texts, and a moment (null: never) where an entry has an expiry of its own."""
LONGEST_METADATA = 20_000
"""Characters of metadata that a listing reads."""
HASH_NAME = re.compile(r"[0-9a-f]{16,128}\.[a-z0-9]{2,5}")
"""How the application names value files: only such a file can be an orphan."""

Parts = tuple[str, ...]
"""Names from the cache's folder down to a file."""


def database_path(location: str) -> str:
    """The database of a target: the file itself, or `cache.db` in the folder or in its `cache` folder.

    CacheUnavailable when there is none. Nothing is opened.
    """
    if not os.path.isdir(location):
        return location
    for folder in (location, os.path.join(location, FOLDER)):
        path = os.path.join(folder, DATABASE)
        if os.path.isfile(path):
            return path
    for folder in (location, os.path.join(location, FOLDER)):
        if os.path.isdir(folder):
            found = sorted(name for name in os.listdir(folder) if name.endswith((".db", ".sqlite", ".sqlite3")))
            if found:
                return os.path.join(folder, found[0])
    raise CacheUnavailable(f"There is no {DATABASE} in this folder.", "Give the folder of the cache or the database.")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the index plays which part, and how its times are read."""

    table: Table
    names: Mapping[str, str]
    """Part to column; parts without a column are absent."""
    ttl: float
    """Seconds from creation; infinite when the cache has none."""
    unit: str
    zone: str

    @classmethod
    def of(cls, table: Table, options: Mapping[str, OptionValue]) -> "Columns":
        """The columns that the options name, the others by their usual names; WrongFormat when a needed one lacks."""
        names: dict[str, str] = {}
        for part in PARTS:
            given = options.get(part.name)
            wanted = (str(given),) if given else part.columns
            found = next((name for name in wanted if name in table.names), None)
            if found is not None:
                names[part.name] = found
            elif given or part.required:
                hint = "The table has: " + ", ".join(table.names[:20]) + "."
                raise WrongFormat(f"The table “{table.name}” has no column for: {part.title.lower()}.", hint)
        ttl = options.get("ttl")
        return cls(
            table,
            names,
            float(ttl) if isinstance(ttl, int | float) else math.inf,
            str(options.get("unit") or "auto"),
            str(options.get("zone") or "local"),
        )

    def moment(self, cell: Cell) -> float:
        """Epoch seconds of a time in a row, NaN where it is none."""
        return parse_time(cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell, self.unit, self.zone)

    def written(self, moment: float) -> Cell:
        """A moment as the application writes it: by the unit, else ISO 8601 without an offset."""
        if self.unit in ("seconds", "milliseconds"):
            return moment * (1000 if self.unit == "milliseconds" else 1)
        if self.zone == "utc":
            return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None).isoformat()
        return datetime.fromtimestamp(moment).isoformat()

    @property
    def first_use(self) -> int:
        """What the counter of a new entry is: uses count the making, hits do not."""
        return 1 if self.names.get("uses") in COUNTING_FROM_ONE else 0

    def expiry(self, created: float, metadata: Mapping[str, object]) -> float:
        """The first stale moment: the entry's own, else creation plus TTL; infinite without any."""
        if EXPIRES in metadata:
            own = metadata[EXPIRES]
            return math.inf if own is None else parse_time(own, "auto", self.zone)
        return math.inf if self.ttl == math.inf else created + self.ttl


def read_metadata(cell: Cell) -> dict[str, object]:
    """The metadata of a row; empty where it is no JSON object."""
    try:
        found = json.loads(cell) if isinstance(cell, str | bytes) else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def tags_of(metadata: Mapping[str, object]) -> tuple[str, ...]:
    """The tags in the metadata."""
    found = metadata.get(TAGS)
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()


def layout_parts(asset_type: str, key: str) -> Parts | None:
    """Where the application puts the file of a key: `<type>/<hash>.png`; None when that is no place inside."""
    name = key + SUFFIXES.get(asset_type, OTHER_SUFFIX)
    folder = (asset_type,) if asset_type else ()
    return (*folder, name) if all(map(safe_name, (*folder, name))) else None


def places_inside(file_path: str, folder: str) -> list[Parts]:
    """Where inside the cache's folder the path of a row may lead, likeliest first; empty when it leads outside.

    A path may be absolute, relative to the folder, to its root or to where the application was started.
    Only names are compared: whoever opens the file walks there without following links.
    """
    if not file_path or "\0" in file_path:
        return []
    path = file_path.replace("\\", "/") if "/" not in file_path else file_path
    folder = os.path.abspath(folder)
    bases = [""] if os.path.isabs(path) else [folder, os.path.dirname(folder)]
    homes = {folder, os.path.realpath(folder)}
    found: list[Parts] = []
    for base in bases:
        whole = os.path.normpath(os.path.join(base, path))
        found += [tuple(whole[len(home) + 1 :].split("/")) for home in homes if whole.startswith(home + "/")]
    pieces = path.split("/")
    name = os.path.basename(folder)
    if not os.path.isabs(path) and ".." not in pieces and name in pieces:
        behind = pieces[len(pieces) - pieces[::-1].index(name) :]
        found.append(tuple(piece for piece in behind if piece not in ("", ".")))
    return [parts for parts in dict.fromkeys(found) if parts and all(map(safe_name, parts))]
