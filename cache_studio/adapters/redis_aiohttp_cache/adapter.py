"""The studio's side of aiohttp-client-cache in Redis.

Method and URL stand at the head of a value and are listed at once; times and type stand behind the body and are
pending until they are asked for. Where a redirect leads to a response, the URL that was asked for stands there, too.
"""

import re
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import cast

import msgpack

from cache_studio.adapters.base import EntryCopy, Keep, Kept, require_found
from cache_studio.adapters.defaults import join, lookup_by_scan
from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_aiohttp_cache.fields import Described as Field
from cache_studio.adapters.redis_aiohttp_cache.fields import Fields, proof_of
from cache_studio.adapters.redis_fields import (
    FIELD_BYTES,
    FIELD_TOO_LARGE,
    Led,
    fields_leading,
    remove_fields,
    restore_fields,
)
from cache_studio.adapters.redis_key_copies import UNREADABLE, Names
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.stored_responses import Told, asked_first, told, told_by_ends
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, ScanEnd, make_batch
from cache_studio.model.errors import CacheUnavailable, UnsupportedAction
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.seeing import Fate, Removal, Restoration, Return, Seen

PENDING = ("created", "expires", "type", "problem")
_LARGEST = 4 << 20
"""A longer value is not read whole to tell what it is."""
_EVERYTHING = 512 << 20
"""No value of Redis is longer."""
_HASH = re.compile(rb"[0-9a-f]{64}")
_ONE_KEY = "All responses are in one key, which has one time of last use and one TTL."


class RedisAiohttpCacheAdapter(RedisAdapter):
    """Each field of the hash is an entry; its id is the field."""

    batch_size = 100
    largest_copy = FIELD_BYTES
    alone = "aiohttp-client-cache keeps what belongs together in several keys and does not run on a cluster."
    _led: Led = MappingProxyType({})

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        if not link.rights.scripts:
            raise UnsupportedAction(
                "Scripts are not allowed: without them whole values would be sent.", "Ask for EVAL and EVALSHA."
            )
        super().__init__(link, {**options, "accessed": "off"}, writable=writable)
        self.capabilities = self.capabilities.without([Ability.ACCESS_TIMES, Ability.SET_EXPIRY], _ONE_KEY)
        self._name = self._prefix.removesuffix(":responses").removesuffix(":")
        self._fields = Fields(link, bytes_of(self._name + ":responses"))
        self._redirects = bytes_of(self._name + ":redirects")

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """All fields by method and URL; the reason is told when the connection breaks on the way."""
        seen: set[bytes] = set()
        try:
            self._look_at_redirects()
            for page in self._fields.pages():
                new = [field for field in {one.field: one for one in page}.values() if field.field not in seen]
                seen.update(field.field for field in new)
                with self._link.call():
                    batch = self._listed(new)
                if new:
                    yield batch
        except CacheUnavailable as error:
            return ScanEnd(False, error.message)
        return ScanEnd()

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """The entries with these keys or hashes."""
        with self._link.call():
            found = list(self._fields.describe([bytes_of(key) for key in dict.fromkeys(keys)]).values())
            batch = self._listed(found if namespace in (None, "") else [])
        missing = set(keys) - {text_of(field.field) for field in found}
        return join([batch, lookup_by_scan(self, missing, namespace)]) if missing else batch

    def fill(self, ids: Sequence[EntryId]) -> Batch:
        """Times, type and problem, told by the ends of each value."""
        with self._link.call():
            found = list(self._fields.describe([_field(entry_id) for entry_id in ids]).values())
            said = [self._told(field) for field in found]
        rows = self._rows(found, [one.title or self._title(field) for one, field in zip(said, found, strict=True)], ())
        rows.numbers["created"][:] = [one.created for one in said]
        rows.numbers["expires"][:] = [one.expires for one in said]
        problems = {at: one.problem for at, one in enumerate(said) if one.problem}
        return replace(rows, types=[one.media_type for one in said], problems=problems)

    def changes(self, names: Collection[str]) -> None:
        """A changed hash does not tell which fields: only a new scan does."""
        return None

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The pickled response."""
        field = _field(entry_id)
        with self._link.call():
            found = self._fields.describe([field]).get(field)
            total, value = self._fields.read(field, _EVERYTHING if max_bytes is None else max_bytes)
            require_found(found is not None and total >= 0, text_of(field))
            facts = self._told(cast(Field, found)).facts(text_of(field))
        return Payload((Piece("value", value, total, "pickle" if value.startswith(b"\x80") else ""),), facts)

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """HDEL in a script that compares first; then the redirects to what was removed."""
        self.capabilities.require(Ability.REMOVE)
        with self._link.call():
            self._look_at_redirects()
            found = self._fields.describe([_field(seen.id) for seen in entries])
            fates: dict[bytes, Fate | str] = {}
            copies: dict[bytes, EntryCopy] = {}
            for seen in entries:
                field = found.get(_field(seen.id))
                if field is None or _stamp_of(field) != tuple(seen.stamp):
                    fates[_field(seen.id)] = Fate.GONE if field is None else Fate.CHANGED
                elif keep is not None:
                    self._copy(field, copies, fates)
            if copies and keep is not None:
                keep.copies(list(copies.values()))
            for seen in entries:
                name = _field(seen.id)
                if name not in fates:
                    fates[name] = self._remove(found[name], copies.get(name))
            gone = [(name, self._fields.name, name) for name, fate in fates.items() if fate is Fate.REMOVED]
            remove_fields(self._link, self._redirects, gone, self._led)
        return [_removal(seen.id, fates[_field(seen.id)], found.get(_field(seen.id))) for seen in entries]

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring fields back, and the redirects to those that came."""
        self.capabilities.require(Ability.UNDO)
        answers: list[Restoration] = []
        with self._link.call():
            for copy in copies:
                try:
                    field, value, led = _unpacked(copy)
                except CacheUnavailable as error:
                    answers.append(Restoration(Return.FAILED, error.message))
                    continue
                answers.append(self._fields.restore(field, value))
                if answers[-1].fate is Return.RESTORED:
                    restore_fields(self._link, self._redirects, led)
        return answers

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each field has the value that was copied."""
        with self._link.call():
            return [self._fields.holds(field, value) for field, value, _led in map(_unpacked, copies)]

    def _look_at_redirects(self) -> None:
        with self._link.call():
            self._led = fields_leading(self._link, self._redirects, _key_in)

    def _copy(self, field: Field, copies: dict[bytes, EntryCopy], fates: dict[bytes, Fate | str]) -> None:
        if field.size > FIELD_BYTES:
            fates[field.field] = FIELD_TOO_LARGE
            return
        total, value = self._fields.read(field.field, _EVERYTHING)
        if total < 0:
            fates[field.field] = Fate.GONE
            return
        data = msgpack.packb([field.field, value, list(self._led.get(field.field, ()))])
        copies[field.field] = EntryCopy(self._title(field), "", total, data, field.field)

    def _remove(self, field: Field, copy: EntryCopy | None) -> Fate | str:
        if copy is None:
            return self._fields.remove(field.field, "ends", field.proof)
        return self._fields.remove(field.field, "equal", proof_of(_unpacked(copy)[1]))

    def _listed(self, found: Sequence[Field]) -> Batch:
        return self._rows(found, [self._title(field) for field in found], PENDING)

    def _rows(self, found: Sequence[Field], titles: Sequence[str], pending: Sequence[str]) -> Batch:
        return make_batch(
            [text_of(field.field) for field in found],
            titles,
            [_stamp_of(field) for field in found],
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

    def _batch(self, page: Described) -> Batch:
        raise AssertionError("keys are no entries here")

    def _names(self, entry_id: EntryId) -> Names:
        return (text_of(self._fields.name),)

    def _stamp(self, entry: Described) -> Stamp:
        raise AssertionError("keys are no entries here")

    def _namespace(self, key: str) -> str:
        return ""


def _field(entry_id: EntryId) -> bytes:
    return bytes_of(cast(str, entry_id))


def _stamp_of(field: Field) -> Stamp:
    return (field.size, int(field.proof[:15], 16), 0)


def _key_in(value: bytes) -> bytes:
    """The key that a pickled redirect names."""
    found = _HASH.search(value)
    return found[0] if found else value


def _unpacked(copy: EntryCopy) -> tuple[bytes, bytes, list[tuple[bytes, bytes]]]:
    try:
        field, value, led = msgpack.unpackb(copy.data, max_bin_len=len(copy.data))
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise CacheUnavailable(UNREADABLE, "It is damaged or of a later version.") from error
    return field, value, [(name, text) for name, text in led]


def _removal(entry_id: EntryId, fate: Fate | str, field: Field | None) -> Removal:
    if not isinstance(fate, Fate):
        return Removal(entry_id, Fate.FAILED, reason=fate)
    return Removal(entry_id, fate, field.size if field is not None and fate is Fate.REMOVED else 0)
