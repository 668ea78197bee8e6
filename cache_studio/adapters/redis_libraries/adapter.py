"""The studio's side of every library that keeps an entry in a Redis key; what differs is in `redis_specs`."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, cast

from cache_studio.adapters import redis_specs as specs
from cache_studio.adapters.base import EntryCopy
from cache_studio.adapters.defaults import join, lookup_by_scan, take
from cache_studio.adapters.masked_names import MASK
from cache_studio.adapters.redis_columns import forbidden, kind_code, known_or_nan, seconds_of, stamps_of, types_of
from cache_studio.adapters.redis_expiry import RedisExpiryAdapter
from cache_studio.adapters.redis_key_copies import KeyCopy, Names, pack_copies
from cache_studio.adapters.redis_libraries.values import facts_of, pieces_of
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import PAGE_KEYS, Described
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_specs import Library
from cache_studio.adapters.redis_values import read_string, read_value
from cache_studio.adapters.seen_names import SeenNames
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece

_HEAD_BYTES = 256


class RedisLibraryAdapter(RedisExpiryAdapter):
    """One key an entry, whose id is the whole name; the key shown is the one that the application gave."""

    library: ClassVar[Library]

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        if self._reads_values() and not link.untouching:
            # To look at a value is a use of it on servers before 7.2: the times told would be our own.
            options = {**options, "accessed": "off"}
        super().__init__(link, options, writable=writable)
        if writable:
            reason = self.library.data or self.library.own_clock
            self.capabilities = self.capabilities.without(frozenset(Ability) - self.library.abilities, reason)

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """The entries with these keys, as they are shown or as they are called in Redis."""
        named = [name for key in keys for name in (self._prefix + key, key) if name.startswith(self._prefix)]
        with self._link.call():
            batch = self._batch(self._entries(self._listing.describe(list(dict.fromkeys(named))), SeenNames()))
        rows = [row for row, name in enumerate(batch.namespaces) if namespace in (None, name)]
        found = take(batch, rows)
        missing = set(keys) - set(found.keys) - {cast(str, entry_id) for entry_id in found.ids}
        if not self._nested():
            missing = {key for key in missing if MASK in key}
        return join([found, lookup_by_scan(self, missing, namespace)]) if missing else found

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value without the library's mark before it; a collection as JSON text."""
        name = cast(str, entry_id)
        with self._link.call():
            kind = self._only(name).kinds[0]
            if kind != "string":
                return Payload((read_value(self._link, name, kind, max_bytes),), self._facts(name, b""))
            wanted = None if max_bytes is None else max_bytes + _HEAD_BYTES
            stored = read_string(self._link, name, wanted)
        pieces = tuple(_cut(piece, max_bytes) for piece in pieces_of(stored, self.library.mark))
        return Payload(pieces, self._facts(name, pieces[0].data))

    def _reads_values(self) -> bool:
        return self.library.marks_entries

    def _nested(self) -> bool:
        return self.library.nested

    def _facts(self, name: str, value: bytes) -> tuple[Fact, ...]:
        shown = () if MASK in "".join(self._place(name)) else (Fact("Name in Redis", name),)
        return (*shown, *facts_of(value))

    def _place(self, name: str) -> specs.Place:
        return self.library.place(name, self._prefix) or ("", name)

    def _batch(self, page: Described) -> Batch:
        rows = [
            row
            for row, (name, kind) in enumerate(zip(page.names, page.kinds, strict=True))
            if kind in (self.library.kind or kind, "?") and self.library.place(name, self._prefix) is not None
        ]
        page = page.only(rows)
        created: list[float] | None = None
        if self.library.marks_entries:
            page, created = self._marked(page)
        return self._rows(page, created)

    def _rows(self, page: Described, created: Sequence[float] | None) -> Batch:
        places = [self._place(name) for name in page.names]
        return make_batch(
            page.names,
            [key for _namespace, key in places],
            stamps_of(page),
            namespaces=[namespace for namespace, _key in places],
            types=types_of(page),
            problems=forbidden(page),
            size=known_or_nan(page.sizes),
            accessed=known_or_nan(page.accessed),
            expires=seconds_of(page.expiries),
            created=[math.nan] * len(page.names) if created is None else created,
        )

    def _marked(self, page: Described) -> tuple[Described, list[float]]:
        """Only what bears the library's mark, with the time of storing that the mark tells."""
        assert self.library.mark is not None
        rows, created = [], []
        for row, head in enumerate(self._parts_of(page.names, 0, _HEAD_BYTES - 1)):
            found = self.library.mark.match(head)
            if found:
                rows.append(row)
                created.append(_number(found[2]))
        return page.only(rows), created

    def _parts_of(self, names: Sequence[str], first: int, last: int) -> list[bytes]:
        """The same bytes of each value, empty for what is no text; bracketed, a page at a time."""
        found: list[bytes] = []
        for start in range(0, len(names), PAGE_KEYS):
            commands = [("GETRANGE", bytes_of(name), first, last) for name in names[start : start + PAGE_KEYS]]
            found += [answer if isinstance(answer, bytes) else b"" for answer in self._link.bracketed(commands)]
        return found

    def _entry_copy(self, entry_id: EntryId, now: Described, keys: Sequence[KeyCopy]) -> EntryCopy:
        name = cast(str, entry_id)
        namespace, key = self._place(name)
        size = sum(max(0, size) for size in now.sizes)
        return EntryCopy(key, namespace, size, pack_copies(keys), bytes_of(name))

    def _names(self, entry_id: EntryId) -> Names:
        return (cast(str, entry_id),)

    def _stamp(self, entry: Described) -> Stamp:
        return (kind_code(entry.kinds[0]), entry.sizes[0], entry.expiries[0])

    def _namespace(self, key: str) -> str:
        return self._place(key)[0]


class DjangoAdapter(RedisLibraryAdapter):
    """Django's RedisCache and django-redis."""

    library = specs.DJANGO


class FlaskAdapter(RedisLibraryAdapter):
    """Flask-Caching and cachelib."""

    library = specs.FLASK


class FastapiAdapter(RedisLibraryAdapter):
    """fastapi-cache2."""

    library = specs.FASTAPI


class AiocacheAdapter(RedisLibraryAdapter):
    """aiocache."""

    library = specs.AIOCACHE


class LangchainAdapter(RedisLibraryAdapter):
    """LangChain: a hash of generations for each prompt and model."""

    library = specs.LANGCHAIN

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """Each generation of the answer as a piece of its own, in order."""
        name = cast(str, entry_id)
        with self._link.call():
            self._only(name)
            stored = json.loads(read_value(self._link, name, "hash", None).data)
        fields = sorted(stored, key=lambda field: (len(field), field))
        values = [bytes_of(stored[field]) for field in fields]
        pieces = [
            _cut(Piece(f"generation {at + 1}" if at else "value", value, len(value), "json"), max_bytes)
            for at, value in enumerate(values)
        ]
        return Payload(tuple(pieces), (Fact("Generations", str(len(pieces))),))


class DogpileAdapter(RedisLibraryAdapter):
    """dogpile.cache: the region's own expiration time is not stored, only Redis' own."""

    library = specs.DOGPILE


class CachecontrolAdapter(RedisLibraryAdapter):
    """CacheControl."""

    library = specs.CACHECONTROL


class BeakerAdapter(RedisLibraryAdapter):
    """Beaker."""

    library = specs.BEAKER


class CeleryAdapter(RedisLibraryAdapter):
    """Celery's results."""

    library = specs.CELERY


class RQAdapter(RedisLibraryAdapter):
    """RQ's jobs and results."""

    library = specs.RQ


def _cut(piece: Piece, max_bytes: int | None) -> Piece:
    return Piece(piece.name, piece.data[:max_bytes], piece.total, piece.hint, piece.problem)


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
