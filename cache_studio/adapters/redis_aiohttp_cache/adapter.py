"""The studio's side of aiohttp-client-cache in Redis.

Method and URL stand at the head of a value and are listed at once; times and type stand behind the body and are
pending until they are asked for. Where a redirect leads to a response, the URL that was asked for stands there, too.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from cache_studio.adapters.defaults import join, lookup_by_scan
from cache_studio.adapters.redis_fields import Led, fields_leading, remove_fields, restore_fields
from cache_studio.adapters.redis_hash_entries import RedisHashAdapter, field_of, stamp_of
from cache_studio.adapters.redis_hash_fields import Described as Field
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.stored_responses import END, Told, asked_first, told, told_by_ends
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Restoration, Return

PENDING = ("created", "expires", "type", "problem")
_LARGEST = 4 << 20
"""A longer value is not read whole to tell what it is."""
_HASH = re.compile(rb"[0-9a-f]{64}")


class RedisAiohttpCacheAdapter(RedisHashAdapter):
    """Each field of the hash is an entry; its id is the field."""

    alone = "aiohttp-client-cache keeps what belongs together in several keys and does not run on a cluster."
    _led: Led = MappingProxyType({})

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        name = str(options.get("prefix") or "").removesuffix(":responses").removesuffix(":")
        super().__init__(link, options, name + ":responses", shown=END, writable=writable)
        self._redirects = bytes_of(name + ":redirects")

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """The entries with these keys or hashes."""
        batch = super().lookup(keys, namespace)
        missing = set(keys).difference(cast(list[str], batch.ids))
        return join([batch, lookup_by_scan(self, missing, namespace)]) if missing else batch

    def fill(self, ids: Sequence[EntryId]) -> Batch:
        """Times, type and problem, told by the ends of each value."""
        with self._link.call():
            found = list(self._fields.describe([field_of(entry_id) for entry_id in ids]).values())
            said = [self._told(field) for field in found]
        rows = self._rows(found, [one.title or self._title(field) for one, field in zip(said, found, strict=True)], ())
        rows.numbers["created"][:] = [one.created for one in said]
        rows.numbers["expires"][:] = [one.expires for one in said]
        problems = {at: one.problem for at, one in enumerate(said) if one.problem}
        return replace(rows, types=[one.media_type for one in said], problems=problems)

    def _look_around(self) -> None:
        self._led = fields_leading(self._link, self._redirects, _key_in)

    def _removed(self, fields: Sequence[bytes]) -> None:
        gone = [(field, self._fields.name, field) for field in fields]
        remove_fields(self._link, self._redirects, gone, self._led)

    def _beside(self, field: Field) -> list[object]:
        return list(self._led.get(field.field, ()))

    def _bring_back(self, field: bytes, value: bytes, beside: Sequence[object]) -> Restoration:
        answer = self._fields.restore(field, value)
        if answer.fate is Return.RESTORED:
            redirects = cast(Sequence[Sequence[bytes]], beside)
            restore_fields(self._link, self._redirects, [(name, text) for name, text in redirects])
        return answer

    def _facts(self, field: Field) -> tuple[Fact, ...]:
        return self._told(field).facts(text_of(field.field))

    def _listed(self, found: Sequence[Field]) -> Batch:
        return self._rows(found, [self._title(field) for field in found], PENDING)

    def _rows(self, found: Sequence[Field], titles: Sequence[str], pending: Sequence[str]) -> Batch:
        return make_batch(
            [text_of(field.field) for field in found],
            titles,
            [stamp_of(field) for field in found],
            pending=pending,
            size=[float(field.size) for field in found],
        )

    def _title(self, field: Field) -> str:
        if field.field in self._led and (title := self._told(field).title):
            return title
        method, url = asked_first(field.head)
        return f"{method or 'GET'} {url}" if url else text_of(field.field)

    def _told(self, field: Field) -> Told:
        found = told_by_ends(field.head, field.tail, field.size)
        if found is not None or field.size > _LARGEST:
            return found or Told()
        return told(self._fields.read(field.field, _LARGEST)[1])


def _key_in(value: bytes) -> bytes:
    """The key that a pickled redirect names."""
    found = _HASH.search(value)
    return found[0] if found else value
