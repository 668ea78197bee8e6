"""The studio's side of plain Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from cache_studio.adapters.base import EntryCopy, Keep
from cache_studio.adapters.redis_columns import forbidden, kind_code, known_or_nan, seconds_of, stamps_of, types_of
from cache_studio.adapters.redis_expiry import RedisExpiryAdapter
from cache_studio.adapters.redis_key_actions import RedisKeyActions
from cache_studio.adapters.redis_key_copies import KeyCopy, Names, pack_copies
from cache_studio.adapters.redis_keys.layout import namespace_of, namespaces_of
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_options import HASH_FORMAT, text_of
from cache_studio.adapters.redis_page_removal import FEWEST_ENTRIES, PAGE_ENTRIES, PageRemover
from cache_studio.adapters.redis_values import read_value
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, Reach, make_batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload
from cache_studio.model.seeing import Removal, Seen


class RedisKeysAdapter(RedisExpiryAdapter, RedisKeyActions):
    """All keys under a prefix; the type of an entry is its Redis type."""

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        super().__init__(link, options, writable=writable)
        self._separator = str(options.get("separator") or "")
        self._pages = PageRemover(link, self._listing, self._remover) if PageRemover.is_fit(link) else None
        if self._pages is not None:
            self.batch_size, self.fitted_batches = PAGE_ENTRIES, (FEWEST_ENTRIES, PAGE_ENTRIES)

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

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Whole pages at once where the server can; what is large, or may not be looked at, as everywhere."""
        if self._pages is None:
            return super().remove(entries, keep)
        self.capabilities.require(Ability.REMOVE)
        if keep is not None:
            self.capabilities.require(Ability.UNDO)
        with self._link.call():
            found = self._pages.remove(entries, keep, self._copy_of)
        rest = [seen for seen, removal in zip(entries, found, strict=True) if removal is None]
        others = iter(super().remove(rest, keep) if rest else ())
        return [removal or next(others) for removal in found]

    def _copy_of(self, key: KeyCopy, size: int) -> EntryCopy:
        name = text_of(key.name)
        return EntryCopy(name, self._namespace(name), size, pack_copies([key]), key.name)

    def _names(self, entry_id: EntryId) -> Names:
        return (cast(str, entry_id),)

    def _stamp(self, entry: Described) -> Stamp:
        return (kind_code(entry.kinds[0]), entry.sizes[0], entry.expiries[0])

    def _namespace(self, key: str) -> str:
        return namespace_of(key, self._prefix, self._separator)
