"""The studio's side of an asset cache: rows of the index together with their value files."""

import hashlib
import json
import math
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack

from cache_studio.adapters.asset_cache.expiry import ExpiringAssets, why_not
from cache_studio.adapters.asset_cache.layout import (
    LONGEST_METADATA,
    Columns,
    database_path,
    read_metadata,
    tags_of,
)
from cache_studio.adapters.asset_cache.leftovers import DEAD_ROWS, ORPHANS, Leftovers
from cache_studio.adapters.asset_cache.names import SUFFIXES, TABLE
from cache_studio.adapters.asset_cache.value_files import ValueFile, ValueFiles
from cache_studio.adapters.base import EntryCopy, Keep, Kept
from cache_studio.adapters.file_copies import (
    Copier,
    FileCopy,
    Outcome,
    is_present,
    put_back_leftovers,
    remove_copied,
    removing_in,
    restore_file,
)
from cache_studio.adapters.files import Folder, NoRegularFile, stamp_of
from cache_studio.adapters.mapped_expiry import with_set_expiry
from cache_studio.adapters.sqlite_adapter import table_missing
from cache_studio.adapters.sqlite_columns import numbers
from cache_studio.adapters.sqlite_copies import unpack_row
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell, placeholders, quoted
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_removing import CopiedBeside
from cache_studio.adapters.sqlite_rows import Row, Rows, entry_id_of
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key, shown_keys
from cache_studio.adapters.time_columns import moments
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, Floats, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Counters, Fate, Part, Removal, Restoration, Return, Scope, Seen, Source, Volume
from cache_studio.model.seeing_columns import RemovalColumns
from cache_studio.model.targets import Target

_LOWEST_SIZE_PARTS = ("text", "metadata")


class AssetCacheAdapter(ExpiringAssets):
    """An index of generated images and speech with a value file an entry."""

    sources = {"expires": Source.DERIVED, "hits": Source.DERIVED}
    _options: Mapping[str, OptionValue]
    _root: Folder

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "AssetCacheAdapter":
        """Open the cache whose root, folder or database the target names."""
        adapter = cls()
        adapter._options = dict(options)
        adapter._copies = {}
        with ExitStack() as undo:
            adapter.database = Database(database_path(target.location))
            undo.callback(adapter.database.close)
            adapter._root = Folder.open(os.path.dirname(adapter.database.path))
            undo.callback(lambda: adapter._root.close())
            adapter._choose_table()
            abilities = [Ability.READ, Ability.WATCH, *CHANGING]
            abilities += [Ability.ACCESS_TIMES] if "accessed" in adapter.columns.names else []
            abilities += [Ability.HIT_RATE] if "uses" in adapter.columns.names else []
            adapter._set_capabilities(abilities, writable)
            adapter.capabilities = with_set_expiry(adapter.capabilities, why_not(adapter.columns, target.location))
            if adapter.capabilities.can(Ability.REMOVE):
                adapter._put_back_leftovers()
            undo.pop_all()
        return adapter

    _copies: dict[EntryId, tuple[FileCopy, str]]
    _copier: Copier
    _leftovers: Leftovers

    def _choose_table(self) -> None:
        tables = self.database.tables()
        name = str(self._options.get("table") or TABLE)
        if name not in tables:
            raise table_missing(name)
        self.columns = Columns.of(tables[name], self._options)
        table, names = tables[name], self.columns.names
        pair = tuple(names[part] for part in ("asset_type", "key") if part in names)
        rowid = table.rowid_name
        if not rowid:
            raise WrongFormat(f"The rows of “{name}” have no numbers.", "Attach it as sqlite-table.")
        known = {tuple(sorted(unique)) for unique in (*table.unique, tuple(c.name for c in table.primary_key))}
        self.rows = Rows(table, pair if tuple(sorted(pair)) in known else (rowid,), rowid)
        # A database that was replaced may lie in a folder that was replaced with it.
        self._root.close()
        self._root = Folder.open(os.path.dirname(self.database.path))
        self._leftovers = Leftovers(self.database, self._root, self.columns, self.rows)

    def _put_back_leftovers(self) -> None:
        """Give back what a removal that was killed in the middle had hidden."""
        with ValueFiles(self._root) as files:
            folders = [files.folder((name,)) for name in sorted({*SUFFIXES, *self._types()})]
            put_back_leftovers(self._root, [folder for folder in folders if folder is not None])

    def _types(self) -> list[str]:
        return [name for name, *_figures in self._by_type()]

    # Listing.

    def _key_column(self) -> str:
        return self.columns.names["key"]

    def _expressions(self) -> Sequence[str]:
        names = self.columns.names
        sizes = " + ".join(lengths_sql(quoted(names[part])) for part in _LOWEST_SIZE_PARTS if part in names)
        return [sizes or "0", *(self._selected(part, name) for part, name in names.items() if part != "text")]

    def _selected(self, part: str, name: str) -> str:
        return f"substr({quoted(name)}, 1, {LONGEST_METADATA})" if part == "metadata" else quoted(name)

    def _batch(self, page: Page) -> Batch:
        columns = list(zip(*page, strict=True))
        rowids, lengths = columns[0], columns[1]
        parts = [part for part in self.columns.names if part != "text"]
        cells: dict[str, Sequence[Cell]] = dict(zip(parts, columns[2:], strict=True))
        count = len(page)
        nothing: Sequence[Cell] = [None] * count
        types = shown_keys(cells.get("asset_type", nothing))
        keys = shown_keys(cells["key"])
        with ValueFiles(self._root) as files:
            found = [files.find(*place) for place in zip(types, keys, map(shown_key, cells["file"]), strict=True)]
        created = self._moments(cells.get("created", nothing))
        uses = numbers(cells.get("uses", nothing))
        metadata = [read_metadata(cell) for cell in cells.get("metadata", nothing)]
        identity = [cells[part] for part in ("asset_type", "key") if part in cells]
        by_rowid = self.rows.identity == (self.rows.table.rowid_name,)
        return make_batch(
            [
                entry_id_of((number,) if by_rowid else values, number)
                for number, *values in zip(rowids, *identity, strict=True)
            ],
            keys,
            [_stamp(row, file) for row, file in zip(page, found, strict=True)],
            namespaces=types,
            types=[_extension(file) for file in found],
            tags=[tags_of(one) for one in metadata] if "metadata" in cells else None,
            problems=_problems(found, cells.get("created", nothing), created),
            size=[float(int(length or 0) + file.size) for length, file in zip(lengths, found, strict=True)],
            created=created,
            accessed=self._moments(cells.get("accessed", nothing)),
            expires=[self.columns.expiry(made, one) for made, one in zip(created.tolist(), metadata, strict=True)],
            hits=(uses - self.columns.first_use).clip(min=0),
        )

    def _moments(self, cells: Sequence[Cell]) -> Floats:
        return moments(cells, self.columns.unit, self.columns.zone)

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value file first, then the row as JSON with its metadata parsed."""
        row = self._require_row(entry_id)
        shown: dict[str, object] = dict(zip(self.rows.columns, map(_plain, row), strict=True))
        name = self.columns.names.get("metadata")
        parsed = read_metadata(self._cell(row, "metadata"))
        if name and parsed:
            shown[name] = parsed
        text = json.dumps(shown, ensure_ascii=False, indent=2).encode("utf-8", "surrogateescape")
        file = self._file_of(row)
        pieces = (self._file_piece(file, max_bytes), Piece("row", text[:max_bytes], len(text), "json"))
        facts = [Fact("File", os.path.join(*file.parts) if file.parts else shown_key(self._cell(row, "file")))]
        if "text" in self.columns.names:
            facts.insert(0, Fact("Prompt", shown_key(self._cell(row, "text"))))
        if "uses" in self.columns.names:
            facts.append(Fact("Uses", shown_key(self._cell(row, "uses"))))
        return Payload(pieces, tuple(facts))

    def _cell(self, row: Row, part: str) -> Cell:
        name = self.columns.names.get(part)
        return None if name is None else row[self.rows.columns.index(name)]

    def _place(self, row: Row) -> tuple[str, str, str]:
        return (
            shown_key(self._cell(row, "asset_type")),
            shown_key(self._cell(row, "key")),
            shown_key(self._cell(row, "file")),
        )

    def _file_of(self, row: Row) -> ValueFile:
        with ValueFiles(self._root) as files:
            return files.find(*self._place(row))

    def _file_piece(self, file: ValueFile, max_bytes: int | None) -> Piece:
        if file.parts is None:
            return Piece("file", b"", 0, problem=file.problem)
        try:
            with self._root.holding(file.parts) as folder:
                data, status = folder.read(file.parts[-1], max_bytes)
        except (OSError, NoRegularFile) as error:
            return Piece("file", b"", 0, problem=f"Its value file cannot be read: {error}.")
        return Piece("file", data, status.st_size if max_bytes is not None else len(data), problem="")

    # Removing and restoring.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> RemovalColumns:
        """Rows by compare-and-remove; a value file goes after its row, when no other row names it."""
        self._copier = Copier(keep)
        try:
            with removing_in(self._root):
                return super().remove(entries, keep)
        finally:
            self._copies.clear()

    def _take_beside(self, rows: Mapping[EntryId, Row], keep: Keep | None) -> Mapping[EntryId, CopiedBeside | Removal]:
        found: dict[EntryId, CopiedBeside | Removal] = {}
        for entry_id, row in rows.items():
            file = self._file_of(row)
            if file.parts is None or file.status is None:
                continue
            copy = self._copier.take_of_row(self._root, file.parts, stamp_of(file.status), entry_id)
            if isinstance(copy, Removal):
                found[entry_id] = copy
                continue
            self._copies[entry_id] = (copy, shown_key(self._cell(row, "file")))
            if keep is not None:
                found[entry_id] = CopiedBeside({"file": copy.pack()}, (copy.kept,) if copy.kept else ())
        return found

    def _remove_beside(self, ids: Sequence[EntryId]) -> Mapping[EntryId, tuple[int, str]]:
        copies = {entry_id: self._copies[entry_id] for entry_id in ids if entry_id in self._copies}
        still_named = self._named({path for _copy, path in copies.values()}) if copies else set()
        return {entry_id: self._file_removed(copy, path in still_named) for entry_id, (copy, path) in copies.items()}

    def _named(self, paths: Collection[str]) -> set[str]:
        """Which of these files a row names: one query for all, because no index helps."""
        marks, values = placeholders(sorted(paths))
        column = quoted(self.columns.names["file"])
        sql = f"SELECT {column} FROM {quoted(self.rows.table.name)} WHERE {column} IN ({marks})"
        found = self.database.rows(sql, values)
        return {shown_key(path) for (path,) in found}

    def _file_removed(self, copy: FileCopy, is_named: bool) -> tuple[int, str]:
        if is_named:
            return 0, "Its value file stays: another entry uses it."
        try:
            with self._root.holding(copy.parts) as folder:
                outcome = remove_copied(folder, copy)
        except OSError as error:
            outcome = Outcome(Fate.FAILED, reason=f"It cannot be removed: {error.strerror}.")
        if outcome.fate is Fate.FAILED:
            return 0, f"The row is removed, its value file is not. {outcome.reason}"
        return outcome.freed, ""

    def _restore_beside(self, extra: Mapping[str, object], copy: EntryCopy, kept: Kept) -> Restoration | None:
        packed = extra.get("file")
        if not isinstance(packed, bytes):
            return None
        file = EntryCopy(copy.key, copy.namespace, copy.size, packed, copy.id, copy.files)
        restored = restore_file(self._root, file, kept)
        return None if restored.fate is Return.RESTORED else restored

    def _is_present(self, copy: EntryCopy) -> bool:
        unpacked = unpack_row(self.rows, copy.data)
        if unpacked is None or not super()._is_present(copy):
            return False
        packed = unpacked[1].get("file")
        return not isinstance(packed, bytes) or is_present(self._root, FileCopy.unpack(packed))

    # Space and figures.

    def compactable(self) -> list[Part]:
        """Free pages, value files without a row, rows without a value file, half-written files."""
        return [*super().compactable(), *self._leftovers.parts(time.time())]

    def compact(self) -> list[Part]:
        """Remove the leftovers, then give the free pages back."""
        self.capabilities.require(Ability.COMPACT)
        removed = self._leftovers.remove(time.time())
        return [*removed, *super().compact()]

    def measure(self) -> Volume:
        """Database and value files."""
        with ValueFiles(self._root) as files:
            beside = sum(status.st_size for _parts, status in files.all_in({*SUFFIXES, *self._types()}))
        reclaimable = sum(part.bytes for part in self.compactable())
        return Volume(self.database.volume() + beside, reclaimable)

    def _by_type(self) -> Iterator[tuple[str, int, int | None]]:
        names = self.columns.names
        kind = quoted(names["asset_type"]) if "asset_type" in names else "''"
        # A counter that is no number counts as none; SUM of integers that overflow would be an error, TOTAL is not.
        uses = f"total({quoted(names['uses'])})" if "uses" in names else "NULL"
        sql = f"SELECT {kind}, count(*), {uses} FROM {quoted(self.rows.table.name)} GROUP BY 1 ORDER BY 1"
        for name, count, total in self.database.rows(sql):
            finite = isinstance(total, float) and math.isfinite(total)
            yield shown_key(name), int(count or 0), int(float(total or 0)) if finite else None

    def counters(self) -> Counters:
        """Hits are uses beyond the making; each row is a miss that was stored. Other misses are invisible."""
        if "uses" not in self.columns.names:
            return Counters()
        figures = list(self._by_type())
        rows = sum(count for _name, count, _uses in figures)
        hits = sum(max(0, (uses or 0) - self.columns.first_use * count) for _name, count, uses in figures)
        return Counters(hits, rows, Source.DERIVED, Scope.CACHE)

    def details(self) -> Mapping[str, object]:
        """Entries, uses and average uses of each type; similarity hits live in the application alone."""
        kinds = [
            {"type": name, "entries": count, "uses": uses, "average_uses": uses / count if uses is not None else None}
            for name, count, uses in self._by_type()
        ]
        leftovers = {part.what: part.count for part in self._leftovers.parts(time.time())}
        return self._pages_details() | {
            "types": kinds,
            "similarity_hits": None,
            "orphaned_files": leftovers.get(ORPHANS, 0),
            "dead_rows": leftovers.get(DEAD_ROWS, 0),
        }

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder of the cache with the folders of files below it."""
        return ((self._root.path, True),)

    def close(self) -> None:
        """Close the database without leaving a trace, and let go of the folder."""
        super().close()
        self._root.close()


def _stamp(row: tuple[Cell, ...], file: ValueFile) -> Stamp:
    """Rowid, the row as it is listed, and the file's time and length."""
    seen = hashlib.blake2b(repr(row).encode("ascii", "backslashreplace"), digest_size=8).digest()
    status = stamp_of(file.status) if file.status else (0, 0, 0)
    number = row[0]
    mixed = int.from_bytes(hashlib.blake2b(repr(status).encode(), digest_size=8).digest(), "big", signed=True)
    return (number if isinstance(number, int) else 0, int.from_bytes(seen, "big", signed=True), mixed)


def _extension(file: ValueFile) -> str:
    ending = os.path.splitext(file.parts[-1])[1][1:].lower() if file.parts else ""
    return ending if ending.isalnum() and len(ending) <= 8 else ""


def _problems(files: Sequence[ValueFile], written: Sequence[Cell], created: Floats) -> dict[int, str]:
    problems = {row: file.problem for row, file in enumerate(files) if file.problem}
    for row, (cell, moment) in enumerate(zip(written, created.tolist(), strict=True)):
        if cell is not None and math.isnan(moment):
            problems.setdefault(row, "Its creation time cannot be read as a time.")
    return problems


def _plain(cell: Cell) -> object:
    if isinstance(cell, bytes):
        return {"bytes": len(cell), "hex": cell[:64].hex()}
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell
