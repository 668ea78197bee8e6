"""The studio's side of a hash whose fields are entries, with the TTLs that Redis 7.4 and later give to fields."""

from collections.abc import Collection, Generator, Mapping, Sequence
from typing import cast

from cache_studio.adapters.redis_columns import seconds_of
from cache_studio.adapters.redis_hash_entries import RedisHashAdapter, stamp_of
from cache_studio.adapters.redis_hash_fields import Described as Field
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import NEVER, NOT_TOLD
from cache_studio.adapters.redis_options import text_of
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, Reach, ScanEnd, make_batch
from cache_studio.model.errors import BadRequest
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.seeing import Counters, Restoration

UNCOUNTED = "The server counts lookups of the hash, not whether its fields were found."


class RedisHashFieldsAdapter(RedisHashAdapter):
    """Each field of the hash is an entry; it ends with its own TTL or with that of the hash, whichever is first."""

    _whole_expiry = NEVER

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link; BadRequest where no hash is named."""
        name = str(options.get("hash") or "")
        if not name:
            raise BadRequest("No hash is named.", "Give the name of the key as option: ?format=redis-hash&hash=NAME")
        super().__init__(link, {**options, "prefix": name}, name, writable=writable)
        self.capabilities = self.capabilities.without([Ability.HIT_RATE], UNCOUNTED)
        self._reach: Reach | None = None

    def reach(self) -> Reach | None:
        """The fields of the hash as they were counted when the scan began."""
        return self._reach

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """All fields; the reason is told when the connection breaks on the way."""
        self._reach = None
        if self._link.rights.may("HLEN"):
            with self._link.call():
                counted = self._link.bracketed([("HLEN", self._fields.name)])[0]
            self._reach = Reach(counted, each=True) if isinstance(counted, int) else None
        return (yield from super().scan())

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """The entries with these fields."""
        with self._link.call():
            self._look_around()
            return super().lookup(keys, namespace)

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """A changed hash does not tell which fields; a change of a key whose name begins alike is none."""
        return None if text_of(self._fields.name) in names else (self._listed([]), [])

    def counters(self) -> Counters:
        """None: a field that is not found is no miss of the server."""
        return Counters()

    def _is_looked_up(self, name: str) -> bool:
        return False

    def _look_around(self) -> None:
        found = self._listing.describe([text_of(self._fields.name)])
        self._whole_expiry = found.expiries[0] if found.kinds[0] == "hash" else NEVER

    def _listed(self, found: Sequence[Field]) -> Batch:
        return make_batch(
            [text_of(field.field) for field in found],
            [text_of(field.field) for field in found],
            [stamp_of(field) for field in found],
            size=[float(field.size) for field in found],
            expires=seconds_of([_earlier(field.expiry, self._whole_expiry) for field in found]),
        )

    def _title(self, field: Field) -> str:
        return text_of(field.field)

    def _beside(self, field: Field) -> list[object]:
        return [field.expiry, self._whole_expiry]

    def _bring_back(self, field: bytes, value: bytes, beside: Sequence[object]) -> Restoration:
        expiry, whole_expiry = cast(Sequence[int], beside)
        return self._fields.restore(field, value, expiry, whole_expiry)


def _earlier(expiry: int, whole: int) -> int:
    """When a field ends that has this expiry, in a hash that has that one."""
    if expiry in (NEVER, NOT_TOLD):
        return whole if whole >= 0 else expiry
    return min(expiry, whole) if whole >= 0 else expiry
