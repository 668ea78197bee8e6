"""What the two generations of hishel that keep bodies in chunks have in common."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, Self

from cache_studio.adapters.base import EntryCopy, Keep, Kept, unpack_id
from cache_studio.adapters.hishel.bodies import (
    SUMMARY_SQL,
    RowsWithBodies,
    Summary,
    kept_beside,
    read_body,
    summary,
    summary_of,
)
from cache_studio.adapters.hishel.bodies import Kept as Beside
from cache_studio.adapters.hishel.hashed_keys import HashedKeysAdapter
from cache_studio.adapters.hishel.layout import (
    ENTRIES,
    LONGEST_HEAD,
    STREAM_COLUMNS,
    STREAMS,
    TOO_LONG,
    UNREADABLE,
    Head,
    read_head,
    stored_keys,
)
from cache_studio.adapters.sqlite_columns import numbers
from cache_studio.adapters.sqlite_copies import COPY_BYTES, unpack_row
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_removing import CopiedBeside
from cache_studio.adapters.sqlite_rows import Row, entry_id_of
from cache_studio.adapters.sqlite_text import shown_keys
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, Floats, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Removal, Restoration
from cache_studio.model.targets import Target

_SHARED = ("id", "cache_key", "data")
_MORE = "length(CAST(data AS BLOB))", SUMMARY_SQL


class Moments(NamedTuple):
    """The columns of times of a page."""

    created: Floats
    accessed: Floats
    expires: Floats


class EntriesAdapter(HashedKeysAdapter):
    """Entries with a packed head and a body in chunks; a generation says what its own columns mean."""

    largest_copy = COPY_BYTES
    own_columns: ClassVar[tuple[str, ...]]
    """All columns of `entries`."""
    generation: ClassVar[str]
    cut_off: ClassVar[str]
    """What becomes of a response that the application is reading when its entry is removed."""
    abilities: ClassVar[tuple[Ability, ...]] = ()
    """Beside reading, watching and removing."""
    rows: RowsWithBodies
    _options: Mapping[str, OptionValue]

    @abstractmethod
    def moments(
        self, cells: Mapping[str, Sequence[Cell]], heads: Sequence[Head | None], bodies: Sequence[Summary]
    ) -> Moments:
        """The columns of times, from the generation's own columns and the heads."""

    @abstractmethod
    def problem_of(self, cells: Mapping[str, Cell], body: Summary) -> str:
        """What is wrong with an entry whose head is in order, or ""."""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> Self:
        """Open the database of this generation; WrongFormat for another's."""
        adapter = cls()
        adapter._options = dict(options)
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            adapter._set_capabilities([Ability.READ, Ability.WATCH, *CHANGING, *cls.abilities], writable)
            adapter.warnings = (*adapter.warnings, cls.cut_off)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    def _choose_table(self) -> None:
        tables = self.database.tables()
        entries, streams = tables.get(ENTRIES), tables.get(STREAMS)
        fits = entries is not None and entries.rowid and set(entries.names) == set(self.own_columns)
        if entries is None or streams is None or not fits or set(streams.names) != STREAM_COLUMNS:
            raise WrongFormat(
                f"This is no database of hishel {self.generation}.",
                "Attach it without naming a format, then it is recognised.",
            )
        self.rows = RowsWithBodies(entries, ("id",), entries.rowid_name)

    # Listing.

    def _key_column(self) -> str:
        return "cache_key"

    def _expressions(self) -> Sequence[str]:
        own = [name for name in self.own_columns if name not in _SHARED]
        return ["id", "cache_key", f"CAST(substr(data, 1, {LONGEST_HEAD + 1}) AS BLOB)", *own, *_MORE]

    @property
    def listed_names(self) -> tuple[str, ...]:
        """What stands in a listed row: its number, the columns, the length of its head and the summary of its body."""
        own = (name for name in self.own_columns if name not in _SHARED)
        return ("rowid", *_SHARED, *own, "length", "body")

    def _cells(self, page: Page) -> dict[str, Sequence[Cell]]:
        return dict(zip(self.listed_names, zip(*page, strict=True), strict=True))

    def _batch(self, page: Page) -> Batch:
        cells = self._cells(page)
        bodies = [summary_of(cell) for cell in cells["body"]]
        lengths = numbers(cells["length"]).tolist()
        heads = [_head(cell) for cell in cells["data"]]
        hashes = shown_keys(cells["cache_key"])
        times = self.moments(cells, heads, bodies)
        problems: dict[int, str] = {}
        for row, head in enumerate(heads):
            own = {name: column[row] for name, column in cells.items()}
            found = self.problem_of(own, bodies[row]) if head else UNREADABLE
            found = TOO_LONG if head is None and lengths[row] > LONGEST_HEAD else found
            if found:
                problems[row] = found
        return make_batch(
            [entry_id_of((entry_id,), rowid) for entry_id, rowid in zip(cells["id"], cells["rowid"], strict=True)],
            [head.title if head else key for head, key in zip(heads, hashes, strict=True)],
            [_stamp(row) for row in page],
            problems=problems,
            size=[length + body.bytes for length, body in zip(lengths, bodies, strict=True)],
            created=times.created,
            accessed=times.accessed,
            expires=times.expires,
        )

    def stored_keys(self, key: str) -> list[bytes]:
        """The hash itself, or what the library hashes of method and URL."""
        return stored_keys(key)

    def _hashes(self, page: Page) -> list[str]:
        return shown_keys(self._cells(page)["cache_key"])

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The packed head, then the body across its chunks."""
        row = self._require_row(entry_id)
        cells = dict(zip(self.rows.columns, row, strict=True))
        data, head = _bytes(cells["data"]), _head(cells["data"])
        facts = [Fact("Cache key", shown_keys([cells["cache_key"]])[0])]
        if head is not None:
            status = [] if head.status is None else [Fact("Status", str(head.status))]
            facts = [Fact("URL", head.url), Fact("Method", head.method), *status, *facts]
        value = Piece("value", data[:max_bytes], len(data), "msgpack")
        return Payload((value, read_body(self.database, entry_id, max_bytes)), (*facts, *self.own_facts(cells)))

    def own_facts(self, cells: Mapping[str, Cell]) -> list[Fact]:
        """Facts of this generation alone."""
        return []

    # Removing and restoring: the chunks go with their row.

    def _take_beside(self, rows: Mapping[EntryId, Row], keep: Keep | None) -> Mapping[EntryId, CopiedBeside | Removal]:
        self.rows.copied.update({entry_id: summary(self.database.rows, entry_id) for entry_id in rows})
        if keep is None:
            return {}
        found = {}
        for entry_id in rows:
            beside = kept_beside(self.database, entry_id)
            found[entry_id] = CopiedBeside({"chunks": beside.chunks, "siblings": beside.siblings})
        return found

    def _remove_beside(self, ids: Sequence[EntryId]) -> Mapping[EntryId, tuple[int, str]]:
        for entry_id in ids:
            self.rows.copied.pop(entry_id, None)
        return {}

    def _restore_beside(self, extra: Mapping[str, object], copy: EntryCopy, kept: Kept) -> Restoration | None:
        chunks, siblings = extra.get("chunks"), extra.get("siblings")
        self.rows.returning[unpack_id(copy.id)] = Beside(
            [tuple(chunk) for chunk in chunks] if isinstance(chunks, list) else [],
            list(siblings) if isinstance(siblings, list) else [],
        )
        return None

    def _is_present(self, copy: EntryCopy) -> bool:
        unpacked = unpack_row(self.rows, copy.data)
        if unpacked is None or not super()._is_present(copy):
            return False
        chunks = unpacked[1].get("chunks", [])
        return kept_beside(self.database, unpack_id(copy.id)).chunks == [tuple(chunk) for chunk in chunks]

    def details(self) -> Mapping[str, object]:
        """The pages of the database, and the generation."""
        return {"generation": self.generation, **self._pages_details()}


def _head(cell: Cell) -> Head | None:
    data = _bytes(cell)
    return read_head(data) if len(data) <= LONGEST_HEAD else None


def _bytes(cell: Cell) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "surrogateescape")


def _stamp(row: tuple[Cell, ...]) -> Stamp:
    """The row as it is listed: headers that are renewed keep their length, but not their content."""
    digest = hashlib.blake2b(repr(row).encode("ascii", "backslashreplace"), digest_size=16).digest()
    number = row[0]
    halves = (int.from_bytes(half, "big", signed=True) for half in (digest[:8], digest[8:]))
    return (number if isinstance(number, int) else 0, *halves)
