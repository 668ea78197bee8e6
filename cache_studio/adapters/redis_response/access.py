"""The runtime's door to the response cache: the response, its twin and its request's figures, written together."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cache_studio.adapters import key_access
from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.redis_access import RedisAccess, batches, expiry_of, known_of, milliseconds_left
from cache_studio.adapters.redis_calls import Command, is_other_type, key_bytes, unavailable
from cache_studio.adapters.redis_claims import MARKER
from cache_studio.adapters.redis_options import Place, bytes_of
from cache_studio.adapters.redis_response.layout import (
    META,
    META_BYTES,
    METRICS_SECONDS,
    is_tagged,
    key_of,
    meta_of,
    metrics_index,
    metrics_prefix,
    names_of,
    parse_meta,
    place_of_key,
    request_of,
    said_by,
    tagged,
    untagged,
    write_meta,
)
from cache_studio.model.globs import matcher
from cache_studio.model.options import OptionValue


class RedisResponseAccess(RedisAccess):
    """Responses by request digest; a namespace is part of the key, tags and metadata are in the twin."""

    def __init__(self, place: Place, options: Mapping[str, OptionValue]) -> None:
        """Prepare; connects at the first call."""
        super().__init__(place, options)
        kept = options.get("metrics_ttl")
        self._metrics_seconds = kept if isinstance(kept, int | float) and kept < math.inf else METRICS_SECONDS

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The response with its tags (the provider is one), metadata and times from its twin."""
        name = self._name(key, namespace)
        for first, twin in self._forms(name):
            left, value, said = self._calls.exchange([("PTTL", first), ("GET", first), _twin_read(twin)])
            if (held := self._held(value, left, said)) is not None:
                return held
        return None

    def get_many(self, keys: Collection[str], namespace: str = "") -> dict[str, Held]:
        """What is stored for these keys, a thousand in a round trip; what is not is left out."""
        found: dict[str, Held] = {}
        for batch in batches(keys):
            missing = {key: self._forms(self._name(key, namespace)) for key in batch}
            while missing:
                found |= self._read({key: forms[0] for key, forms in missing.items()})
                missing = {key: forms[1:] for key, forms in missing.items() if key not in found and len(forms) > 1}
        return found

    def _read(self, wanted: Mapping[str, tuple[bytes, ...]]) -> dict[str, Held]:
        beside = [words for first, twin in wanted.values() for words in (("PTTL", first), _twin_read(twin))]
        *told, values = self._calls.exchange([*beside, ("MGET", *(first for first, _twin in wanted.values()))])
        if isinstance(values, Exception):
            raise unavailable(values, self._calls.place) from values
        read = {
            key: self._held(value, left, twin)
            for key, value, left, twin in zip(wanted, values, told[::2], told[1::2], strict=True)
        }
        return {key: held for key, held in read.items() if held is not None}

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store both with the same TTL in one transaction; what is stale already is not stored.

        The twin says provider and request id as the metadata or the response have them. Response time and cost,
        where either tells them, are noted for `metrics_ttl`, a day by default.
        """
        name = self._name(key, namespace)
        (first, twin), *others = self._forms(name)
        before = [("UNLINK", key) for keys in others for key in keys]
        created = time.time() if math.isnan(held.created) else held.created
        ttl = None if held.expires is None else held.expires - created
        said = said_by(held.value)
        meta = write_meta(names_of(said) | dict(held.metadata), created, ttl, namespace, held.tags)
        left = milliseconds_left(held)
        if left is not None and left <= 0:
            self._calls.together([("UNLINK", first), ("UNLINK", twin)], before)
            return
        life: Command = () if left is None else ("PX", left)
        self._calls.together(
            [("SET", first, held.value, *life), ("SET", twin, meta, *life)],
            [*before, *self._notes({**said, **held.metadata}, created)],
        )

    def known(self) -> Iterator[Known]:
        """All responses; their twins are part of them and tell tags and creation."""
        for page in self._pages():
            now = time.time()
            stored = [(name, keys) for name in page if not name.endswith(META) for keys in self._forms(name)]
            told = self._calls.exchange([words for _name, keys in stored for words in _measured(*keys)])
            listed = set[str]()
            for (name, _keys), size, left, twin in zip(stored, told[::3], told[1::3], told[2::3], strict=True):
                if isinstance(size, int) and left != -2 and name not in listed:
                    listed.add(name)
                    namespace, key = place_of_key(name, self._prefix)
                    entry = known_of(key, namespace, size, left, now)
                    meta = parse_meta(twin) if isinstance(twin, bytes) else None
                    yield entry if meta is None else replace(entry, created=meta.cached_at, tags=meta.tags)

    def _held(self, value: Any, left: Any, twin: Any) -> Held | None:
        # What has no life left any more is gone, whatever the other answer says.
        if value is None or left == -2 or is_other_type(value):
            return None
        for answer in (value, left):
            if isinstance(answer, Exception):
                raise unavailable(answer, self._calls.place) from answer
        expires = expiry_of(left, time.time())
        meta = parse_meta(twin) if isinstance(twin, bytes) else None
        if meta is None:
            return Held(value, math.nan, expires)
        return Held(value, meta.cached_at, expires, tags=meta.tags, metadata=meta.metadata)

    @staticmethod
    def _markers_of(prefix: str) -> str:
        return prefix + MARKER

    def _name(self, key: str, namespace: str) -> str:
        return key_of(key, namespace, self._prefix)

    def _names(self, name: str) -> tuple[bytes, ...]:
        return key_bytes(name), key_bytes(meta_of(name))

    def _forms(self, name: str) -> Sequence[tuple[bytes, ...]]:
        if not self._calls.place.is_cluster:
            return (self._names(name),)
        written = self._names(tagged(name, self._prefix))
        # What looks like a name with a tag would be found as that of another entry.
        return (written,) if is_tagged(name, self._prefix) else (written, self._names(name))

    def _plain(self, name: str) -> str:
        return untagged(name, self._prefix) if self._calls.place.is_cluster else name

    def _places(self, name: str) -> Iterable[key_access.Place | None]:
        name = self._plain(name)
        if name.startswith(self._markers):
            return ()
        return (place_of_key(name.removesuffix(META), self._prefix),)

    def _fitting(self, pattern: str, namespace: str | None) -> Callable[[str], bool]:
        fits = matcher(pattern)

        def is_wanted(name: str) -> bool:
            if name.startswith(self._markers) or name.endswith(META):
                return False
            found = place_of_key(name, self._prefix)
            return namespace in (None, found[0]) and fits(found[1])

        return is_wanted

    def _glob(self, pattern: str) -> bytes:
        # A key that is called like a twin is written with one sign more.
        return super()._glob(pattern) + b"*"

    def _notes(self, told: Mapping[str, object], created: float) -> Sequence[Command]:
        request = request_of(told)
        if request is None:
            return ()
        index, request_id = bytes_of(metrics_index(self._prefix)), request.id.encode("utf-8", "surrogatepass")
        life = max(1, round(self._metrics_seconds * 1000))
        return (
            ("SET", bytes_of(metrics_prefix(self._prefix)) + request_id, request.data, "PX", life),
            ("ZADD", index, created, request_id),
            ("ZREMRANGEBYSCORE", index, "-inf", f"({created - self._metrics_seconds}"),
            ("PEXPIRE", index, life),
        )


def _twin_read(twin: bytes) -> Command:
    return ("GETRANGE", twin, 0, META_BYTES - 1)


def _measured(first: bytes, twin: bytes) -> tuple[Command, ...]:
    return ("STRLEN", first), ("PTTL", first), _twin_read(twin)
