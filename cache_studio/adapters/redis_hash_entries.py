"""What formats share whose entries are the fields of one hash: list, look up, read, remove and restore them.

A format says what stands beside a field (`_beside`) and how a row is made of it; the server counts and expires keys,
not fields, so times of last use are none.
"""

from abc import abstractmethod
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import cast

import msgpack

from cache_studio.adapters.base import EntryCopy, Keep, Kept, require_found
from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_fields import FIELD_BYTES, FIELD_TOO_LARGE
from cache_studio.adapters.redis_hash_fields import Described as Field
from cache_studio.adapters.redis_hash_fields import Fields
from cache_studio.adapters.redis_key_copies import UNREADABLE, Names
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, ScanEnd
from cache_studio.model.errors import CacheUnavailable, UnsupportedAction
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Fate, Removal, Restoration, Return, Seen

EVERYTHING = 512 << 20
"""No value of Redis is longer."""
ONE_KEY = "All entries are in one key, which has one time of last use; the TTL of a field is not set from here."


class RedisHashAdapter(RedisAdapter):
    """Each field of the hash is an entry; its id is the field."""

    batch_size = 100
    largest_copy = FIELD_BYTES

    def __init__(
        self, link: Link, options: Mapping[str, OptionValue], name: str, *, shown: int = 0, writable: bool
    ) -> None:
        """Take over an open link to the hash of this name; UnsupportedAction where scripts are not allowed.

        `shown`: how many bytes of both ends of each value a row needs.
        """
        if not link.rights.scripts:
            raise UnsupportedAction(
                "Scripts are not allowed: without them whole values would be sent.", "Ask for EVAL and EVALSHA."
            )
        super().__init__(link, {**options, "accessed": "off"}, writable=writable)
        self.capabilities = self.capabilities.without([Ability.ACCESS_TIMES, Ability.SET_EXPIRY], ONE_KEY)
        self._fields = Fields(link, bytes_of(name), shown)

    @abstractmethod
    def _listed(self, found: Sequence[Field]) -> Batch:
        """The rows of a listing."""

    @abstractmethod
    def _title(self, field: Field) -> str:
        """The key of an entry."""

    @abstractmethod
    def _beside(self, field: Field) -> list[object]:
        """What a copy holds besides field and value, for `_bring_back`."""

    @abstractmethod
    def _bring_back(self, field: bytes, value: bytes, beside: Sequence[object]) -> Restoration:
        """Bring one field back, never a newer one."""

    def _look_around(self) -> None:
        """Read what belongs to the entries and lies elsewhere, before they are listed or removed."""

    def _removed(self, fields: Sequence[bytes]) -> None:
        """These fields went: what belongs to them may follow."""

    def _facts(self, field: Field) -> tuple[Fact, ...]:
        """What is told beside a value."""
        return ()

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """All fields; the reason is told when the connection breaks on the way."""
        seen: set[bytes] = set()
        try:
            with self._link.call():
                self._look_around()
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
        """The entries with these fields."""
        with self._link.call():
            found = list(self._fields.describe([bytes_of(key) for key in dict.fromkeys(keys)]).values())
            return self._listed(found if namespace in (None, "") else [])

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """A changed hash does not tell which fields: only a new scan does."""
        return None

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value as it is."""
        field = field_of(entry_id)
        with self._link.call():
            found = self._fields.describe([field]).get(field)
            total, value = self._fields.read(field, EVERYTHING if max_bytes is None else max_bytes)
            require_found(found is not None and total >= 0, text_of(field))
            facts = self._facts(cast(Field, found))
        return Payload((Piece("value", value, total, self._hint(value)),), facts)

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """HDEL in a script that compares first; then what belongs to the entries."""
        self.capabilities.require(Ability.REMOVE)
        with self._link.call():
            self._look_around()
            found = self._fields.describe([field_of(seen.id) for seen in entries])
            fates: dict[bytes, Fate | str] = {}
            copies: dict[bytes, EntryCopy] = {}
            for seen in entries:
                field = found.get(field_of(seen.id))
                if field is None or stamp_of(field) != tuple(seen.stamp):
                    fates[field_of(seen.id)] = Fate.GONE if field is None else Fate.CHANGED
                elif keep is not None:
                    self._copy(field, copies, fates)
            if copies and keep is not None:
                keep.copies(list(copies.values()))
            for seen in entries:
                name = field_of(seen.id)
                if name not in fates:
                    fates[name] = self._remove(found[name], copies.get(name))
            self._removed([name for name, fate in fates.items() if fate is Fate.REMOVED])
        return [_removal(seen.id, fates[field_of(seen.id)], found.get(field_of(seen.id))) for seen in entries]

    def _restored(self, copy: EntryCopy, kept: Kept) -> Restoration:
        try:
            field, value, beside = _unpacked(copy)
        except CacheUnavailable as error:
            return Restoration(Return.FAILED, error.message)
        return self._bring_back(field, value, beside)

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each field has the value that was copied."""
        with self._link.call():
            return [self._fields.holds(field, value) for field, value, _beside in map(_unpacked, copies)]

    def _copy(self, field: Field, copies: dict[bytes, EntryCopy], fates: dict[bytes, Fate | str]) -> None:
        if field.size > FIELD_BYTES:
            fates[field.field] = FIELD_TOO_LARGE
            return
        total, value = self._fields.read(field.field, EVERYTHING)
        if total < 0:
            fates[field.field] = Fate.GONE
            return
        data = msgpack.packb([field.field, value, self._beside(field)])
        copies[field.field] = EntryCopy(self._title(field), "", total, data, field.field)

    def _remove(self, field: Field, copy: EntryCopy | None) -> Fate | str:
        if copy is None:
            return self._fields.remove_seen(field)
        return self._fields.remove_equal(field.field, _unpacked(copy)[1])

    def _hint(self, value: bytes) -> str:
        return "pickle" if value.startswith(b"\x80") else ""

    def _batch(self, page: Described) -> Batch:
        raise AssertionError("keys are no entries here")

    def _names(self, entry_id: EntryId) -> Names:
        return (text_of(self._fields.name),)

    def _stamp(self, entry: Described) -> Stamp:
        raise AssertionError("keys are no entries here")

    def _namespace(self, key: str) -> str:
        return ""


def field_of(entry_id: EntryId) -> bytes:
    """The field that an id names."""
    return bytes_of(cast(str, entry_id))


def stamp_of(field: Field) -> Stamp:
    """The stamp of an entry; its last number is the expiry."""
    return (field.size, int(field.proof[:15], 16), field.expiry)


def _unpacked(copy: EntryCopy) -> tuple[bytes, bytes, Sequence[object]]:
    try:
        field, value, beside = msgpack.unpackb(copy.data, max_bin_len=len(copy.data))
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise CacheUnavailable(UNREADABLE, "It is damaged or of a later version.") from error
    return field, value, beside


def _removal(entry_id: EntryId, fate: Fate | str, field: Field | None) -> Removal:
    if not isinstance(fate, Fate):
        return Removal(entry_id, Fate.FAILED, reason=fate)
    return Removal(entry_id, fate, field.size if field is not None and fate is Fate.REMOVED else 0)
