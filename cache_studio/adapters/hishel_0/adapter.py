"""The studio's side of hishel 0.1 in SQLite."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from cache_studio.adapters.base import require_found
from cache_studio.adapters.hishel.hashed_keys import HashedKeysAdapter
from cache_studio.adapters.hishel_0.layout import (
    BROKEN,
    COLUMNS,
    HEAD,
    TABLE,
    TAIL,
    Tail,
    read_tail,
    serializer_of,
    stored_keys,
)
from cache_studio.adapters.sqlite_columns import numbers
from cache_studio.adapters.sqlite_copies import COPY_BYTES
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_rows import Rows, entry_id_of
from cache_studio.adapters.sqlite_text import shown_key, shown_keys
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Source
from cache_studio.model.targets import Target

_BLOB = "CAST(data AS BLOB)"


class Hishel0Adapter(HashedKeysAdapter):
    """A row a response, read from its end; the application's TTL is an option, because it is stored nowhere."""

    largest_copy = COPY_BYTES
    sources = {"expires": Source.DERIVED}
    _ttl: float

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> Self:
        """Open the database; WrongFormat where its table is another one."""
        adapter = cls()
        ttl = options.get("ttl")
        adapter._ttl = float(ttl) if isinstance(ttl, int | float) else math.nan
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            adapter._set_capabilities([Ability.READ, Ability.WATCH, *CHANGING], writable)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    def _choose_table(self) -> None:
        table = self.database.tables().get(TABLE)
        if table is None or not table.rowid_name or set(table.names) != COLUMNS:
            raise WrongFormat(
                "This is no database of hishel 0.1.", "Attach it without naming a format, then it is recognised."
            )
        self.rows = Rows(table, ("key",), table.rowid_name)

    # Listing.

    def _key_column(self) -> str:
        return "key"

    def _expressions(self) -> Sequence[str]:
        head, tail = f"substr({_BLOB}, 1, {HEAD})", f"substr({_BLOB}, -{TAIL})"
        return ["key", "date_created", f"length({_BLOB})", head, tail]

    def _batch(self, page: Page) -> Batch:
        rowids, keys, created, lengths, heads, ends = zip(*page, strict=True)
        tails = [read_tail(end) if isinstance(end, bytes) else None for end in ends]
        stored = numbers(created)
        problems = {
            row: BROKEN
            for row, (tail, head) in enumerate(zip(tails, heads, strict=True))
            if tail is None and not (isinstance(head, bytes) and serializer_of(head) != "json" and head)
        }
        return make_batch(
            [entry_id_of((key,), rowid) for key, rowid in zip(keys, rowids, strict=True)],
            [tail.title if tail else shown_key(key) for tail, key in zip(tails, keys, strict=True)],
            [_stamp(row) for row in page],
            problems=problems,
            size=np.maximum(numbers(lengths), 0),
            created=stored,
            expires=np.full(len(page), np.inf) if self._ttl == math.inf else stored + self._ttl,
            hits=[math.nan if tail is None else tail.uses for tail in tails],
        )

    def stored_keys(self, key: str) -> list[bytes]:
        """The key itself, or the library's hash of method and URL."""
        return [stored.encode("utf-8", "surrogateescape") for stored in stored_keys(key)]

    def _hashes(self, page: Page) -> list[str]:
        return shown_keys([row[1] for row in page])

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The stored response, its content in base64 within; where it is a pickle, nothing of that is run."""
        self.database.require_same_file()
        table = self.rows.table
        where, values = self.rows.place(entry_id)
        wanted = f"{table.sql(table.rowid_name)}, key, typeof(data), substr({_BLOB}, -{TAIL})"
        found = self.database.rows(f"SELECT {wanted} FROM {TABLE} WHERE {where} LIMIT 1", values)
        require_found(found, shown_key(entry_id if isinstance(entry_id, str | int | bytes) else str(entry_id)))
        number, key, kind, end = found[0]
        data, total = b"", 0
        if kind in ("text", "blob") and isinstance(number, int):
            data, total = self.database.head(TABLE, "data", number, max_bytes)
        piece = Piece("value", data, total, serializer_of(data[:HEAD]))
        return Payload((piece,), response_facts(shown_key(key), read_tail(end) if isinstance(end, bytes) else None))

    def details(self) -> Mapping[str, object]:
        """The pages of the database."""
        return self._pages_details()


def response_facts(key: str, tail: Tail | None) -> tuple[Fact, ...]:
    """What no column shows of a response."""
    found = (Fact("URL", tail.url), Fact("Method", tail.method)) if tail else ()
    return (*found, Fact("Cache key", key))


def _stamp(row: tuple[Cell, ...]) -> Stamp:
    digest = hashlib.blake2b(repr(row).encode("ascii", "backslashreplace"), digest_size=16).digest()
    number = row[0]
    halves = (int.from_bytes(half, "big", signed=True) for half in (digest[:8], digest[8:]))
    return (number if isinstance(number, int) else 0, *halves)
