"""The expiry of an entry of an asset cache: `expires_at` in the metadata of its row, which the runtime obeys."""

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress

from cache_studio.adapters.asset_cache.layout import EXPIRES, Columns, read_metadata
from cache_studio.adapters.asset_cache.names import home
from cache_studio.adapters.sqlite_access import json_cell
from cache_studio.adapters.sqlite_expiries import ComparedExpiries
from cache_studio.adapters.sqlite_open import Cell, quoted
from cache_studio.model.columns import Batch
from cache_studio.model.errors import BadRequest
from cache_studio.recording.places import recorder_path

NOT_OBEYED = (
    "The application of this layout knows no expiry of single entries; the runtime does, where it keeps the cache."
)
NO_COLUMN = "The index has no column for metadata, which could hold an expiry."
NO_OBJECT = "Its metadata is no JSON object, which could hold an expiry."
_SAME = 1e-3
"""Seconds by which an expiry may differ from the cache's own TTL without being stored."""


def why_not(columns: Columns, location: str) -> str:
    """Why the expiry of entries cannot be set, "" where it can: the runtime counts in a recorder beside its caches."""
    if "metadata" not in columns.names:
        return NO_COLUMN
    with suppress(BadRequest):  # a place without a name has nothing beside it
        if recorder_path(home(location)).exists():
            return ""
    return NOT_OBEYED


class ExpiringAssets(ComparedExpiries):
    """Rows whose metadata may hold an expiry; the TTL of the cache needs none."""

    columns: Columns

    def _expiry_cells(
        self, connection: sqlite3.Connection, row: Sequence[Cell], batch: Batch, at: int, moment: float
    ) -> tuple[Mapping[str, Cell], float] | str:
        """The whole metadata with this expiry, without one where it is that of the cache's TTL."""
        name = self.columns.names["metadata"]
        where, values = self.rows.place(batch.ids[at])
        sql = f"SELECT {quoted(name)} FROM {quoted(self.rows.table.name)} WHERE {where}"
        cell: Cell = connection.execute(sql, values).fetchone()[0]
        metadata = read_metadata(cell)
        if cell and not metadata and not _is_empty_object(cell):
            return NO_OBJECT
        usual = math.inf if self.columns.ttl == math.inf else float(batch.numbers["created"][at]) + self.columns.ttl
        if moment == usual or abs(moment - usual) <= _SAME:
            metadata.pop(EXPIRES, None)
        else:
            metadata[EXPIRES] = None if moment == math.inf else moment
        return {name: json_cell(metadata)}, moment


def _is_empty_object(cell: Cell) -> bool:
    try:
        return isinstance(cell, str | bytes) and json.loads(cell) == {}
    except (ValueError, RecursionError):
        return False
