"""How a runtime cache lies in a SQLite table: the table it makes itself, or a foreign one by its mapped columns."""

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.mapping import FieldMap
from cache_studio.adapters.sqlite_access import json_cell
from cache_studio.adapters.sqlite_open import Cell, Table, quoted
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key
from cache_studio.adapters.uses import UNUSED
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import OptionValue
from cache_studio.model.times import MILLISECONDS_FROM, format_iso

TABLE = "cache"
"""The table where a target names none."""
OWN = {
    "namespace": "namespace",
    "key": "key",
    "created": "created_at",
    "expires": "expires_at",
    "accessed": "last_accessed",
    "hits": "hits",
    "tags": "tags",
    "value": "value",
}
"""The columns of a table that is made here, by the part they play: names that the studio guesses rightly.

The value stands last, because SQLite walks through all of a long value to the columns behind it.
"""
METADATA = "metadata"
"""The column of what else belongs to an entry, in a table that is made here."""
TEXT_MARK = "CAST(? AS TEXT)"
"""The placeholder for a text that may be bytes that are no UTF-8."""
_TYPES = {
    "namespace": "TEXT NOT NULL",
    "key": "TEXT NOT NULL",
    "value": "BLOB",
    "created": "REAL",
    "expires": "REAL",
    "accessed": "REAL",
    "hits": "INTEGER",
}
_TIMES = ("created", "expires", "accessed")


def is_own(table: Table) -> bool:
    """Whether a table has the columns of one that is made here."""
    return {*OWN.values(), METADATA} <= set(table.names)


def schema(table: str) -> str:
    """The statement that makes a table of our own."""
    columns = [f"{name} {_TYPES.get(role, 'TEXT')}" for role, name in OWN.items()]
    columns.insert(-1, f"{METADATA} TEXT")
    primary = f"PRIMARY KEY ({OWN['namespace']}, {OWN['key']})"
    return f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({', '.join(columns)}, {primary})"


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Which columns of a table make an entry, and how cells and entries become each other."""

    table: Table
    map: FieldMap
    metadata: str
    """The column of the metadata, "" where there is none."""
    keeps_text: bool
    """Whether a value that is text is stored as text."""
    is_own: bool
    """Whether the table was made here: its times are epoch seconds."""

    @classmethod
    def of(cls, table: Table, options: Mapping[str, OptionValue]) -> "RowLayout":
        """The layout of a table; BadRequest where its columns are not named and it was not made here."""
        given = FieldMap.of(options)
        made_here = not given.fields and is_own(table)
        fields = OWN if made_here else given.fields
        if not {"key", "value"} <= fields.keys():
            hint = "Name its columns: ?table=NAME&key=COLUMN&value=COLUMN; it has " + ", ".join(table.names[:20]) + "."
            raise BadRequest(f"The table “{table.name}” was not made by this runtime.", hint)
        for role, name in fields.items():
            if name not in table.names:
                raise BadRequest(f"The table “{table.name}” has no column “{name}” ({role}).", "Check the option.")
        kinds = {column.name: column.type.upper() for column in table.columns}
        keeps_text = any(word in kinds[fields["value"]] for word in ("TEXT", "CHAR", "CLOB", "JSON"))
        unit = "seconds" if made_here else given.unit
        return cls(
            table, replace(given, fields=fields, unit=unit), METADATA if made_here else "", keeps_text, made_here
        )

    def with_unit_of(self, connection: sqlite3.Connection) -> "RowLayout":
        """With the unit in which the times that are stored already are written, where the options leave it open."""
        if self.map.unit != "auto":
            return self
        for role in _TIMES:
            if role in self.map.fields:
                name = quoted(self.map.fields[role])
                sql = f"SELECT {name} FROM {quoted(self.table.name)} WHERE {name} IS NOT NULL LIMIT 1"
                found = connection.execute(sql).fetchone()
                if found is not None:
                    return replace(self, map=replace(self.map, unit=_unit_of(found[0])))
        return replace(self, map=replace(self.map, unit="seconds"))

    @property
    def read_columns(self) -> list[str]:
        """The columns of an entry beside its key and namespace."""
        names = [name for role, name in self.map.fields.items() if role not in ("key", "namespace", "size")]
        return [*names, self.metadata] if self.metadata else names

    @property
    def listed(self) -> list[str]:
        """SQL for what `known` takes: size, then the columns of an entry without its value."""
        value = self.map.fields["value"]
        return [lengths_sql(quoted(value)), *(quoted(name) for name in self.listed_columns)]

    @property
    def listed_columns(self) -> list[str]:
        """The columns that `known` takes."""
        left_out = {self.map.fields["value"], self.metadata, self.map.fields.get("size", "")}
        mapped = dict.fromkeys(self.map.fields.values())
        return [name for name in mapped if name not in left_out]

    # Reading.

    def held(self, row: Sequence[Any], used: tuple[int, float] = UNUSED) -> Held | None:
        """The entry of the cells of `read_columns`, with the uses that wait for it; None where it has no value."""
        if self.is_own:
            created, expires, accessed, hits, tags, value, metadata = row
            if type(value) is bytes and type(hits) is int and type(created) is type(accessed) is float:
                # As it was written here: every lookup comes by, so nothing is interpreted.
                if used[0]:
                    hits, accessed = hits + used[0], max(accessed, used[1])
                return Held(
                    value,
                    created,
                    expires if type(expires) is float else None,
                    accessed,
                    hits,
                    () if tags is None else _tags(tags),
                    {} if metadata is None else _object(metadata),
                )
        cells = dict(zip(self.read_columns, row, strict=True))
        value = _bytes(cells[self.map.fields["value"]])
        if value is None:
            return None
        created, expires, accessed = self._moments(cells)
        if used[0]:
            accessed = max(accessed or used[1], used[1])
        hits = (self._hits(cells) or 0) + used[0]
        tags = _tags(cells.get(self.map.fields.get("tags", "")))
        return Held(value, created, expires, accessed, hits, tags, _object(cells.get(self.metadata)))

    def known(self, row: Sequence[Cell]) -> Known:
        """What eviction needs, from the cells of `listed`."""
        cells = dict(zip(self.listed_columns, row[1:], strict=True))
        created, expires, accessed = self._moments(cells)
        fields = self.map.fields
        return Known(
            shown_key(cells[fields["key"]]),
            shown_key(cells.get(fields.get("namespace", ""))),
            row[0] if isinstance(row[0], int) else 0,
            created,
            expires,
            accessed,
            self._hits(cells),
            _tags(cells.get(fields.get("tags", ""))),
        )

    def _moments(self, cells: Mapping[str, Cell]) -> tuple[float, float | None, float | None]:
        """Creation (0 where there is none: the first to go), expiry and last access."""
        created = self.map.moment("created", cells)
        expires = self.map.expiry(cells, created, math.inf)
        accessed = self.map.moment("accessed", cells)
        return (
            created if math.isfinite(created) else 0.0,
            expires if math.isfinite(expires) else None,
            accessed if math.isfinite(accessed) else None,
        )

    def _hits(self, cells: Mapping[str, Cell]) -> int | None:
        if "hits" not in self.map.fields:
            return None
        hits = self.map.number("hits", cells)
        return int(hits) if math.isfinite(hits) else 0

    # Writing.

    @property
    def written_columns(self) -> list[str]:
        """The columns that a put writes."""
        return [*self.map.fields.values(), *([self.metadata] if self.metadata else [])]

    @property
    def marks(self) -> list[str]:
        """Their placeholders: key and namespace may come as bytes that are no UTF-8."""
        marks = [TEXT_MARK if role in ("key", "namespace") else "?" for role in self.map.fields]
        return [*marks, "?"] if self.metadata else marks

    def cells(self, held: Held, namespace: Cell, key: Cell) -> list[Cell]:
        """What `written_columns` get for an entry. BadRequest for metadata that is no JSON."""
        by_role: dict[str, Cell] = {
            "namespace": namespace,
            "key": key,
            "value": self._value(held.value),
            "created": self.written(held.created),
            "expires": self.written(held.expires),
            "accessed": self.written(held.created if held.accessed is None else held.accessed),
            "ttl_field": None if held.expires is None else held.expires - held.created,
            "hits": held.hits,
            "tags": json_cell(held.tags) if held.tags else None,
            "size": len(held.value),
        }
        cells = [by_role[role] for role in self.map.fields]
        if self.metadata:
            cells.append(json_cell(dict(held.metadata)) if held.metadata else None)
        return cells

    def _value(self, value: bytes) -> Cell:
        if self.keeps_text:
            try:
                return value.decode()
            except UnicodeDecodeError:
                pass
        return value

    def written(self, moment: float | None) -> Cell:
        """A moment as the table writes it; NULL for never and for unknown."""
        if moment is None or not math.isfinite(moment):
            return None
        if self.map.unit == "milliseconds":
            return moment * 1000
        return format_iso(moment) if self.map.unit == "iso" else moment


def _unit_of(cell: Cell) -> str:
    if isinstance(cell, str):
        return "iso"
    return "milliseconds" if isinstance(cell, int | float) and abs(cell) >= MILLISECONDS_FROM else "seconds"


def _bytes(cell: Cell) -> bytes | None:
    if isinstance(cell, bytes):
        return cell
    return None if cell is None else str(cell).encode("utf-8", "surrogateescape")


def _tags(cell: Cell) -> tuple[str, ...]:
    found = _parsed(cell)
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()


def _object(cell: Cell) -> dict[str, object]:
    found = _parsed(cell)
    return found if isinstance(found, dict) else {}


def _parsed(cell: Cell) -> object:
    if not isinstance(cell, str):
        return None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None
