"""The studio's side of plain Redis."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from cache_studio.adapters.redis_columns import forbidden, kind_code, known_or_nan, seconds_of, stamps_of, types_of
from cache_studio.adapters.redis_expiry import RedisExpiryAdapter
from cache_studio.adapters.redis_key_actions import RedisKeyActions
from cache_studio.adapters.redis_key_copies import Names
from cache_studio.adapters.redis_keys.layout import namespace_of, namespaces_of
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_options import HASH_FORMAT
from cache_studio.adapters.redis_values import read_value
from cache_studio.model.columns import Batch, Reach, make_batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload


class RedisKeysAdapter(RedisExpiryAdapter, RedisKeyActions):
    """All keys under a prefix; the type of an entry is its Redis type."""

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        super().__init__(link, options, writable=writable)
        self._separator = str(options.get("separator") or "")

    def reach(self) -> Reach | None:
        """As everywhere; without a prefix each key is an entry."""
        reach = super().reach()
        return reach and replace(reach, each=not self._prefix)

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """A string as it is, a collection as JSON text; of a hash the format is told that has its fields as entries."""
        name = cast(str, entry_id)
        with self._link.call():
            kind = self._only(name).kinds[0]
            facts = (Fact("Fields as entries", f"{HASH_FORMAT}, option hash"),) if kind == "hash" else ()
            return Payload((read_value(self._link, name, kind, max_bytes),), facts)

    def _batch(self, page: Described) -> Batch:
        return make_batch(
            page.names,
            page.names,
            stamps_of(page),
            namespaces=namespaces_of(page.names, self._prefix, self._separator),
            types=types_of(page),
            problems=forbidden(page),
            size=known_or_nan(page.sizes),
            accessed=known_or_nan(page.accessed),
            expires=seconds_of(page.expiries),
        )

    def _names(self, entry_id: EntryId) -> Names:
        return (cast(str, entry_id),)

    def _stamp(self, entry: Described) -> Stamp:
        return (kind_code(entry.kinds[0]), entry.sizes[0], entry.expiries[0])

    def _namespace(self, key: str) -> str:
        return namespace_of(key, self._prefix, self._separator)
