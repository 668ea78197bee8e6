"""The studio's side of requests-cache in Redis.

A key's TTL is an hour longer than the response is fresh, so the expiry is read from the value: its two ends tell it,
as they tell method and URL.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import cast

import msgpack

from cache_studio.adapters import redis_specs as specs
from cache_studio.adapters.base import EntryCopy, Keep, Kept
from cache_studio.adapters.redis_fields import Led, fields_leading, remove_fields, restore_fields
from cache_studio.adapters.redis_key_copies import KeyCopy
from cache_studio.adapters.redis_libraries.adapter import RedisLibraryAdapter
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_values import asked
from cache_studio.adapters.stored_responses import END, Told, told, told_by_ends
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch
from cache_studio.model.identity import EntryId
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Fate, Removal, Restoration, Return, Seen

KEPT_SECONDS = 3600.0
"""How much longer than the response is fresh Redis keeps it, unless the application says otherwise."""
_ENDS_AT_ONCE = 50
_LARGEST = 4 << 20
"""A longer value is not read whole to tell what it is."""


class RedisRequestsCacheAdapter(RedisLibraryAdapter):
    """Responses by method and URL; the redirects to one go and come with it."""

    library = specs.REQUESTS
    alone = "requests-cache keeps what belongs together in several keys and does not run on a cluster."
    batch_rows = 200  # to tell what a value is takes the better part of a millisecond
    _led: Led = MappingProxyType({})
    """The redirects as they are at a removal."""

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """As every format does; then the redirects to what was removed, which the library would follow."""
        self.capabilities.require(Ability.REMOVE)
        with self._link.call():
            self._led = fields_leading(self._link, self._redirects, bytes)
        removals = super().remove(entries, keep)
        gone = [_name(removal.id) for removal in removals if removal.fate is Fate.REMOVED]
        with self._link.call():
            places = [(self._hash(name), bytes_of(name), b"") for name in gone]
            remove_fields(self._link, self._redirects, places, self._led)
        return removals

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring responses back, and the redirects to those that came."""
        opened = [_opened(copy) for copy in copies]
        answers = super().restore([copy for copy, _fields in opened], kept)
        with self._link.call():
            for (_copy, fields), answer in zip(opened, answers, strict=True):
                if answer.fate is Return.RESTORED:
                    restore_fields(self._link, self._redirects, fields)
        return answers

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each response is stored as it was copied."""
        return super().present([_opened(copy)[0] for copy in copies])

    def _reads_values(self) -> bool:
        return True

    @property
    def _redirects(self) -> bytes:
        return bytes_of(self._prefix.removesuffix(":") + "-redirects")

    def _hash(self, name: str) -> bytes:
        return bytes_of(name[len(self._prefix) :])

    def _rows(self, page: Described, created: Sequence[float] | None) -> Batch:
        said = self._told(page.names)
        rows = super()._rows(page, [one.created for one in said])
        problems = dict(rows.problems) | {at: one.problem for at, one in enumerate(said) if one.problem}
        expires = [_expiry(one, moment) for one, moment in zip(said, rows.numbers["expires"].tolist(), strict=True)]
        rows.numbers["expires"][:] = expires
        return replace(
            rows,
            keys=[one.title or self._place(name)[1] for one, name in zip(said, page.names, strict=True)],
            types=[one.media_type for one in said],
            problems=problems,
        )

    def _told(self, names: Sequence[str]) -> list[Told]:
        found: list[Told] = []
        for start in range(0, len(names), _ENDS_AT_ONCE):
            part = [bytes_of(name) for name in names[start : start + _ENDS_AT_ONCE]]
            answers = self._link.bracketed(
                [
                    words
                    for key in part
                    for words in (("STRLEN", key), ("GETRANGE", key, 0, END - 1), ("GETRANGE", key, -END, -1))
                ]
            )
            for at, key in enumerate(part):
                total, head, tail = answers[3 * at : 3 * at + 3]
                if isinstance(total, int) and isinstance(head, bytes) and isinstance(tail, bytes):
                    found.append(told_by_ends(head, tail, total) or self._whole(key, total))
                else:
                    found.append(Told())
        return found

    def _whole(self, key: bytes, total: int) -> Told:
        if total > _LARGEST:
            return Told()
        return told(cast(bytes, asked(self._link, ("GETRANGE", key, 0, _LARGEST - 1))))

    def _facts(self, name: str, value: bytes) -> tuple[Fact, ...]:
        with self._link.call():
            return self._told([name])[0].facts(self._place(name)[1])

    def _entry_copy(self, entry_id: EntryId, now: Described, keys: Sequence[KeyCopy]) -> EntryCopy:
        copy = super()._entry_copy(entry_id, now, keys)
        title = self._told([_name(entry_id)])[0].title
        fields = self._led.get(self._hash(_name(entry_id)), [])
        return replace(copy, key=title or copy.key, data=msgpack.packb([copy.data, fields]))


def _name(entry_id: EntryId) -> str:
    return cast(str, entry_id)


def _opened(copy: EntryCopy) -> tuple[EntryCopy, list[tuple[bytes, bytes]]]:
    """A copy as the keys alone have it, and the redirects; a damaged one stays as it is, to be refused as such."""
    try:
        data, fields = msgpack.unpackb(copy.data, max_bin_len=len(copy.data))
    except (ValueError, TypeError, msgpack.UnpackException):
        return copy, []
    return replace(copy, data=data), [(field, value) for field, value in fields]


def _expiry(said: Told, dropped: float) -> float:
    """As the value says it; else as the TTL tells it, which a response that was stored stale has not."""
    if not math.isnan(said.expires) or said.problem:
        return said.expires
    return dropped - KEPT_SECONDS if math.isfinite(dropped) else math.nan
