"""The studio's side of a diskcache: rows of its index together with their value files."""

import os
import sqlite3
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.base import EntryCopy, Keep, Kept, require_found
from cache_studio.adapters.defaults import join
from cache_studio.adapters.diskcache import DATABASE
from cache_studio.adapters.diskcache.keys import are_packed_json, key_text, key_texts, kind_of_key
from cache_studio.adapters.diskcache.layout import (
    DATA_POLICY,
    DEQUE_KEYS,
    LFU,
    LRU,
    NO_FILE,
    PICKLE,
    SETTINGS,
    TABLE,
    TEXT,
    TRIGGERS,
    Settings,
    ValueFile,
    is_cache_table,
    remove_empty_folders,
    value_file,
)
from cache_studio.adapters.diskcache.leftovers import Leftovers
from cache_studio.adapters.diskcache.listing import (
    IN_FILE,
    KEY,
    LISTED,
    RAW_KEY,
    CacheRows,
    expires_of,
    id_of,
    stamps_with,
    value_type,
)
from cache_studio.adapters.file_copies import Copier, FileCopy, is_present, restore_file
from cache_studio.adapters.files import Folder, NoRegularFile, stamp_of
from cache_studio.adapters.sqlite_answers import Answers
from cache_studio.adapters.sqlite_columns import numbers
from cache_studio.adapters.sqlite_copies import unpack_row
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_expiries import ExpiringRows, with_set_expiry
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_removing import CopiedBeside
from cache_studio.adapters.sqlite_rows import NEWER, Copied, Row
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, ScanEnd, make_batch
from cache_studio.model.errors import CacheUnavailable, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Counters, Part, Removal, Restoration, Return, Scope, Source, Volume
from cache_studio.model.seeing_columns import SeenColumns
from cache_studio.model.targets import Target

LOCK_SECONDS = 0.004
"""A FanoutCache drops a `set` that finds the lock held for 10 ms."""
_ROWS_AT_ONCE = 2_000
_SAMPLES = 20


class DiskcacheAdapter(ExpiringRows):
    """One `diskcache.Cache`: also a shard of a FanoutCache, and what a Deque or an Index keeps its data in."""

    frees_at_once = True  # the library gives its databases auto_vacuum = FULL
    lock_seconds = LOCK_SECONDS
    settings: Settings
    _has_json: bool
    """Whether a JSONDisk keeps keys and values: zlib over JSON."""
    _root: Folder
    _copier: Copier
    _copies: dict[EntryId, FileCopy]
    _brought: dict[bytes, FileCopy]
    _leftovers: Leftovers

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "DiskcacheAdapter":
        """Open the cache whose folder or database the target names."""
        adapter = cls()
        adapter._copies, adapter._brought = {}, {}
        with ExitStack() as undo:
            adapter.database = Database(_database_path(target.location))
            adapter.database.syncs_late = True
            undo.callback(adapter.database.close)
            adapter._root = Folder.open(os.path.dirname(adapter.database.path))
            undo.callback(lambda: adapter._root.close())
            adapter._choose_table()
            adapter._allow(str(options.get("kind") or ""), writable)
            undo.pop_all()
        return adapter

    def _allow(self, kind: str, writable: bool) -> None:
        abilities = [Ability.READ, Ability.WATCH, *CHANGING]
        abilities += [Ability.HIT_RATE] if self.settings.counts_hits else []
        abilities += [Ability.ACCESS_TIMES] if self.settings.policy == LRU else []
        self._set_capabilities(abilities, writable)
        self.capabilities = with_set_expiry(self.capabilities)
        data = self._why_data() if kind in ("", "data") else ""
        if kind == "data" or data:
            reason = f"{data or 'It was attached as data.'} Attach it with ?kind=cache to change it all the same."
            self.capabilities = self.capabilities.without((*CHANGING, Ability.SET_EXPIRY), reason)

    def _why_data(self) -> str:
        """Why this is no cache but data, one sentence; "" for a cache."""
        expiring = f"SELECT 1 FROM {TABLE} WHERE expire_time IS NOT NULL LIMIT 1"
        if self.settings.policy != DATA_POLICY or self.database.rows(expiring):
            return ""
        key = self.database.value(f"SELECT key FROM {TABLE} ORDER BY rowid LIMIT 1")
        name = "a Deque" if isinstance(key, int) and key in DEQUE_KEYS else "an Index"
        return f"Nothing in it expires or is evicted, as in {name} of diskcache: it is data, not a cache."

    def _choose_table(self) -> None:
        tables = self.database.tables()
        if not is_cache_table(tables):
            raise WrongFormat("The database is no diskcache.", "It has other tables or columns.")
        self._look_at_settings()
        if not self.settings.are_complete:
            raise WrongFormat("The database is no diskcache.", f"Its table {SETTINGS} lacks what every diskcache has.")
        table = tables[TABLE]
        triggers = self.database.rows("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", [TABLE])
        if {" ".join(shown_key(sql).split()) for (sql,) in triggers} <= TRIGGERS:
            table = replace(table, triggers=0)  # known: none of them removes an entry
        self.rows = CacheRows(table, (KEY, RAW_KEY), "rowid")
        # A database that was replaced may lie in a folder that was replaced with it.
        self._root.close()
        self._root = Folder.open(os.path.dirname(self.database.path))
        self._leftovers = Leftovers(self.database, self._root)

    def _look_at_settings(self) -> None:
        """What it is by its settings and first keys: they may have come since the last listing."""
        self.settings = _settings_of(self.database)
        keys = self.database.rows(f"SELECT key, raw FROM {TABLE} LIMIT {_SAMPLES}")
        self._has_json = self.settings.names_json or are_packed_json((key, raw) for key, raw in keys)

    # Listing.

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """As every table is listed, by the settings of now."""
        if not self.database.was_replaced:
            self._look_at_settings()
        return (yield from super().scan())

    def _opened_with(self) -> Mapping[str, OptionValue]:
        """Everything stands in the database."""
        return {}

    def _key_column(self) -> str:
        return KEY

    def _expressions(self) -> Sequence[str]:
        return LISTED

    def _batch(self, page: Page) -> Batch:
        columns = list(zip(*page, strict=True))
        rowids, keys, raws, stored, expiries, reads, counts, tags, _sizes, modes, names, kinds, lengths = columns
        texts = key_texts(keys, raws, self._has_json)
        files = [NO_FILE if name is None else value_file(self._root, name) for name in names]
        expires = expires_of(expiries)
        unknown = np.full(len(page), np.nan)
        problems = {row: problem for row, (_text, problem) in enumerate(texts) if problem}
        problems |= {row: file.problem for row, file in enumerate(files) if file.problem}
        for row in np.flatnonzero(np.isnan(expires)).tolist():
            problems.setdefault(row, "Its expiry is no number.")
        kinds_of = {
            key: value_type(*key, self._has_json)
            for key in set(zip(modes, kinds, (name is None for name in names), strict=True))
        }
        return make_batch(
            [id_of(key, raw, rowid) for key, raw, rowid in zip(keys, raws, rowids, strict=True)],
            [text for text, _problem in texts],
            stamps_with([stored, expiries, reads, counts, lengths], rowids, names, files),
            types=[kinds_of[mode, kind, name is None] for mode, kind, name in zip(modes, kinds, names, strict=True)],
            tags=[() if tag is None else (shown_key(tag),) for tag in tags],
            problems=problems,
            size=[float(int(length or 0) + file.size) for length, file in zip(lengths, files, strict=True)],
            created=numbers(stored),
            accessed=numbers(reads) if self.settings.policy == LRU else unknown,
            expires=expires,
            hits=numbers(counts).clip(min=0) if self.settings.policy == LFU else unknown,
        )

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the index for keys that are stored as they are; the others are read, none of their values is."""
        if namespace:
            return join([])
        found = join([]) if self._has_json else super().lookup(keys, namespace)
        missing = set(keys) - set(found.keys)
        return join([found, *self._packed_entries(missing)]) if missing else found

    def _packed_entries(self, wanted: Collection[str]) -> list[Batch]:
        """The entries with these keys among those whose key is a pickle or JSON."""
        some = "1" if self._has_json else "raw = 0"
        sql = f"SELECT rowid, key, raw FROM {TABLE} WHERE {some} AND rowid > ? ORDER BY rowid LIMIT {_ROWS_AT_ONCE}"
        found: list[Batch] = []
        rows = self.database.rows(sql, [-(1 << 63)])
        while rows:
            fits = [row[0] for row in rows if key_text(row[1], row[2], self._has_json)[0] in wanted]
            if fits:
                found.append(self._batch(self._listed(f"rowid IN ({', '.join('?' * len(fits))})", fits)))
            rows = self.database.rows(sql, [rows[-1][0]])
        return found

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value from table or file; a pickled key as a second piece."""
        self.database.require_same_file()
        where, values = place = self.rows.place(entry_id)
        sql = f"SELECT key, raw, mode, filename, typeof(value) FROM {TABLE} WHERE {where}"
        found = self.database.rows(sql, values)
        require_found(found, str(entry_id))
        key, raw, mode, filename, kind = found[0]
        hint = "zlib" if self._has_json else {TEXT: "text", PICKLE: "pickle"}.get(_whole(mode), "")
        facts = [Fact("Key stored as", kind_of_key(key, raw, self._has_json))]
        if filename is None or kind != "null":
            hint = hint or ("text" if kind in ("integer", "real") else "")
            pieces = [column_piece(self.database, self.rows.table, "value", place, max_bytes, hint=hint)]
        else:
            pieces = [_file_piece(self._root, value_file(self._root, filename), max_bytes, hint)]
            facts.append(Fact("File", shown_key(filename)))
        if isinstance(key, bytes) and not raw:
            pieces.append(Piece("key", key[:max_bytes], len(key), "pickle"))
        return Payload(tuple(pieces), tuple(facts))

    # Removing and restoring.

    def _held_sizes(self, batch: Batch, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """A value file is copied as a file, never through memory."""
        return np.where([kind.endswith(IN_FILE) for kind in batch.types], 0, sizes)

    def chosen(
        self, writer: sqlite3.Connection, entries: SeenColumns, keep: Keep | None, answers: Answers
    ) -> list[Copied]:
        """As in `RowsAdapter`, with the value files."""
        self._copier = Copier(keep)
        self._copies.clear()
        return super().chosen(writer, entries, keep, answers)

    def _cell(self, row: Row, name: str) -> Cell:
        return row[self.rows.columns.index(name)]

    def _take_beside(self, rows: Mapping[EntryId, Row], keep: Keep | None) -> Mapping[EntryId, CopiedBeside | Removal]:
        found: dict[EntryId, CopiedBeside | Removal] = {}
        for entry_id, row in rows.items():
            file = value_file(self._root, self._cell(row, "filename"))
            if file.parts is None or file.status is None:
                continue
            copy = self._copier.take_of_row(self._root, file.parts, stamp_of(file.status), entry_id)
            if isinstance(copy, Removal):
                found[entry_id] = copy
                continue
            self._copies[entry_id] = copy
            if keep is not None:
                found[entry_id] = CopiedBeside({"file": copy.pack()}, (copy.kept,) if copy.kept else ())
        return found

    def _remove_beside(self, ids: Sequence[EntryId]) -> Mapping[EntryId, tuple[int, str]]:
        """Unlinked without a hidden name in between: no value file ever gets another content."""
        return {entry_id: self._unlinked(self._copies.pop(entry_id)) for entry_id in ids if entry_id in self._copies}

    def _unlinked(self, copy: FileCopy) -> tuple[int, str]:
        try:
            with self._root.holding(copy.parts) as folder:
                status = folder.status(copy.parts[-1])
                if stamp_of(status) != copy.stamp:
                    return 0, "The row is removed; its value file stays, because it changed meanwhile."
                folder.unlink(copy.parts[-1])
        except FileNotFoundError:
            return 0, ""
        except OSError as error:
            return 0, f"The row is removed, its value file is not: {error.strerror}."
        remove_empty_folders(self._root, copy.parts)
        return copy.length if status.st_nlink == 1 else 0, ""

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Files, then rows; the file of a row that cannot come back does not stay."""
        self._brought.clear()
        answers = super().restore(copies, kept)
        for copy, answer in zip(copies, answers, strict=True):
            file = self._brought.get(copy.id)
            if file is not None and answer.fate is not Return.RESTORED:
                with suppress(OSError), self._root.holding(file.parts) as folder:
                    folder.unlink(file.parts[-1])
                remove_empty_folders(self._root, file.parts)
        return answers

    def _restore_beside(self, extra: Mapping[str, object], copy: EntryCopy, kept: Kept) -> Restoration | None:
        packed = extra.get("file")
        if not isinstance(packed, bytes):
            return None
        unpacked = unpack_row(self.rows, copy.data)
        now = self.rows.fetch(self.database.rows, self.rows.id_of(unpacked[0])) if unpacked else None
        if now is not None and unpacked is not None and not self.rows.equal(now, unpacked[0]):
            return Restoration(Return.NEWER_KEPT, NEWER)
        file = FileCopy.unpack(packed)
        if is_present(self._root, file):
            return None
        restored = restore_file(self._root, replace(copy, data=packed), kept)
        if restored.fate is not Return.RESTORED:
            return restored
        self._brought[copy.id] = file
        return None

    def _is_present(self, copy: EntryCopy) -> bool:
        unpacked = unpack_row(self.rows, copy.data)
        if unpacked is None or not super()._is_present(copy):
            return False
        packed = unpacked[1].get("file")
        return not isinstance(packed, bytes) or is_present(self._root, FileCopy.unpack(packed))

    def _stored_expiry(self, moment: float) -> tuple[Mapping[str, Cell], float]:
        return {"expire_time": None if moment == np.inf else moment}, moment

    # Space and figures.

    def compactable(self) -> list[Part]:
        """Free pages, value files without a row, folders without a file."""
        return [*super().compactable(), *self._leftovers.parts()]

    def compact(self) -> list[Part]:
        """Remove the leftovers. The database gives its pages back by itself, unless it was told not to."""
        self.capabilities.require(Ability.COMPACT)
        removed = self._leftovers.remove()
        return [*removed, *(super().compact() if super().compactable() else [])]

    def compact_note(self) -> str:
        """Nothing is locked where no page is free."""
        return super().compact_note() if super().compactable() else ""

    def measure(self) -> Volume:
        """The database with its log, and the value files as the library counts them; the size limit."""
        settings = _settings_of(self.database)
        beside = max(0, settings.number("size") or 0)
        reclaimable = sum(part.bytes for part in self.compactable())
        return Volume(self.database.volume() + beside, reclaimable, settings.number("size_limit"))

    def counters(self) -> Counters:
        """What the library counts where its statistics are on, else the reads since each entry was stored (LFU)."""
        return _counters(_settings_of(self.database), self.database)

    def details(self) -> Mapping[str, object]:
        """What the library itself says: its counters, its volume and its policy."""
        settings, space = _settings_of(self.database), self.database.space()
        shown = ("count", "size", "size_limit", "cull_limit", "hits", "misses")
        return self._pages_details() | {
            **{name: settings.number(name) for name in shown},
            "volume": space.pages * space.page_size + (settings.number("size") or 0),
            "eviction_policy": settings.policy,
            "statistics": settings.counts_hits,
            "tag_index": bool(settings.number("tag_index")),
            "disk": "JSONDisk" if self._has_json else "Disk",
        }

    def close(self) -> None:
        """Close the database without leaving a trace, and let go of the folder."""
        super().close()
        self._root.close()


def _file_piece(root: Folder, file: ValueFile, max_bytes: int | None, hint: str) -> Piece:
    if file.parts is None:
        return Piece("value", b"", 0, hint, file.problem)
    try:
        with root.holding(file.parts) as folder:
            data, status = folder.read(file.parts[-1], max_bytes)
    except (OSError, NoRegularFile) as error:
        return Piece("value", b"", 0, hint, f"Its value file cannot be read: {error}.")
    return Piece("value", data, status.st_size if max_bytes is not None else len(data), hint)


def _settings_of(database: Database) -> Settings:
    return Settings({shown_key(name): cell for name, cell in database.rows(f"SELECT * FROM {SETTINGS}")})


def _counters(settings: Settings, database: Database) -> Counters:
    if settings.counts_hits:
        return Counters(settings.number("hits") or 0, settings.number("misses") or 0, Source.RECORDED, Scope.CACHE)
    if settings.policy == LFU:
        total = database.value(f"SELECT total(access_count) FROM {TABLE}")
        return Counters(int(total) if isinstance(total, float) else 0, None, Source.DERIVED, Scope.CACHE)
    return Counters()


def _database_path(location: str) -> str:
    if not os.path.isdir(location):
        return location
    path = os.path.join(location, DATABASE)
    if not os.path.isfile(path):
        raise CacheUnavailable(f"There is no {DATABASE} in this folder.", "Give the folder of a diskcache.")
    return path


def _whole(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0
