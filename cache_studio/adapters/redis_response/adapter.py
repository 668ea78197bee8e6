"""The studio's side of the response cache: an entry and its twin are one row."""

import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_columns import kind_code, known_or_nan, seconds_of
from cache_studio.adapters.redis_key_copies import Names
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_response.layout import (
    META,
    META_BYTES,
    Meta,
    meta_of,
    parse_meta,
    place_of_key,
    untagged,
)
from cache_studio.adapters.redis_response.metrics import Requests
from cache_studio.adapters.redis_values import read_value
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload
from cache_studio.model.times import format_iso

ORPHAN = "Its response is gone; only the description is left."
_MARKER = "processing:"


class RedisResponseAdapter(RedisAdapter):
    """Responses under a prefix; a twin without its response is a row with a problem."""

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        super().__init__(link, options, writable=writable)
        self._requests = Requests(self._prefix)

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The response and its description."""
        key = cast(str, entry_id)
        with self._link.call():
            found = self._only(key)
            pieces = [
                replace(read_value(self._link, name, kind, max_bytes), name=piece, hint="json")
                for name, kind, piece in zip(found.names, found.kinds, ("value", "meta"), strict=False)
                if kind not in ("none", "?")
            ]
            meta = self._metas([key])[0]
        return Payload(tuple(pieces), _facts(meta) if meta else ())

    def fill(self, ids: Sequence[EntryId]) -> Batch:
        """Provider and time of caching, read from the twins."""
        with self._link.call():
            found = [entry for entry in self._described(ids) if entry.kinds[0] != "none"]
            metas = self._metas([entry.names[0] for entry in found])
        return self._rows(found, metas)

    def details(self) -> Mapping[str, object]:
        """The server's figures and those of the requests: response time and cost by provider."""
        with self._link.call():
            return {**super().details(), "requests": self._requests.figures(self._link.bracketed, time.time())}

    def _batch(self, page: Described) -> Batch:
        heads = [row for row, name in enumerate(page.names) if not name.endswith(META)]
        twins = [name for name in page.names if name.endswith(META)]
        first = self._listing.describe([name.removesuffix(META) for name in twins])
        alone = {name for name, kind in zip(twins, first.kinds, strict=True) if kind == "none"}
        found = self._folded(page, [row for row in heads if not self._is_marker(page.names[row])])
        found += [page.only([row]) for row, name in enumerate(page.names) if name in alone]
        return self._rows(found, None)

    def _folded(self, page: Described, heads: Sequence[int]) -> list[Described]:
        known = {name: row for row, name in enumerate(page.names)}
        wanted = [meta_of(page.names[row]) for row in heads]
        missing = self._listing.describe([name for name in wanted if name not in known])
        fetched = {name: row for row, name in enumerate(missing.names)}
        found = []
        for row, name in zip(heads, wanted, strict=True):
            entry = page.only([row])
            entry.extend(page.only([known[name]]) if name in known else missing.only([fetched[name]]))
            found.append(entry)
        return found

    def _rows(self, found: Sequence[Described], metas: Sequence[Meta | None] | None) -> Batch:
        ids = [entry.names[0] for entry in found]
        problems = {row: text for row, entry in enumerate(found) if (text := _problem(entry))}
        tags: list[tuple[str, ...]] = [()] * len(ids)
        created = [math.nan] * len(ids)
        if metas is not None:
            tags = [meta.tags if meta else () for meta in metas]
            created = [meta.cached_at if meta else math.nan for meta in metas]
        return make_batch(
            ids,
            ids,
            [self._stamp(entry) for entry in found],
            types="json",
            namespaces=[self._namespace(key) for key in ids],
            tags=tags,
            problems=problems,
            size=[_size(entry) for entry in found],
            accessed=known_or_nan([entry.accessed[0] for entry in found]),
            expires=seconds_of([entry.expiries[0] for entry in found]),
            created=created,
            pending=("created", "tags") if metas is None else (),
        )

    def _metas(self, keys: Sequence[str]) -> list[Meta | None]:
        names = [key if key.endswith(META) else meta_of(key) for key in keys]
        answers: list[object] = []
        for start in range(0, len(names), 100):
            answers += self._link.bracketed(
                [("GETRANGE", bytes_of(name), 0, META_BYTES - 1) for name in names[start : start + 100]]
            )
        return [parse_meta(answer) if isinstance(answer, bytes) else None for answer in answers]

    def _is_looked_up(self, name: str) -> bool:
        return not name.endswith(META) and not self._is_marker(name)

    def _is_marker(self, name: str) -> bool:
        return name.startswith(self._prefix + _MARKER)

    def _names(self, entry_id: EntryId) -> Names:
        key = cast(str, entry_id)
        return (key,) if key.endswith(META) else (key, meta_of(key))

    def _parts(self, names: Collection[str]) -> Iterable[str]:
        # A twin is a row of its own once its response is gone.
        heads = (name.removesuffix(META) for name in names)
        return (part for head in heads for part in (head, meta_of(head)))

    def _stamp(self, entry: Described) -> Stamp:
        first = kind_code(entry.kinds[0]) << 48 | max(0, entry.sizes[0])
        twin = kind_code(entry.kinds[1]) << 48 | max(0, entry.sizes[1]) if len(entry.kinds) > 1 else -1
        return (first, twin, entry.expiries[0])

    def _namespace(self, key: str) -> str:
        name = key.removesuffix(META)
        plain = untagged(name, self._prefix) if self._link.place.is_cluster else name
        return place_of_key(plain, self._prefix)[0]


def _problem(entry: Described) -> str:
    key, kind = entry.names[0], entry.kinds[0]
    if kind == "?":
        return "The user of this connection may not look at this key."
    if key.endswith(META):
        return ORPHAN
    return "" if kind == "string" else f"A {kind} stands where a response should."


def _size(entry: Described) -> float:
    told = [size for size, kind in zip(entry.sizes, entry.kinds, strict=True) if kind != "none"]
    return math.nan if min(told) < 0 else float(sum(told))


def _facts(meta: Meta) -> tuple[Fact, ...]:
    pairs = (
        ("Provider", meta.provider),
        ("Request", meta.request_id),
        ("Cached at", format_iso(meta.cached_at)),
        ("TTL at the start", None if math.isnan(meta.ttl) else f"{meta.ttl:g} s"),
    )
    return tuple(Fact(name, value) for name, value in pairs if value)
