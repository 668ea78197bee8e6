"""The runtime's door to the response cache: the response, its twin and its request's figures, written together."""

import math
import time
from collections.abc import Iterator

from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.redis_access import RedisAccess, known_of
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_response.layout import (
    META,
    METRICS_SECONDS,
    Meta,
    meta_of,
    metrics_index,
    metrics_prefix,
    parse_meta,
    request_of,
    write_meta,
)


class RedisResponseAccess(RedisAccess):
    """Responses by request digest. There are no namespaces: the word is not part of the key."""

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The response with provider (as its tag), request id and times from its twin."""
        name = self._key(key)
        value, meta, left = self._at_once(("GET", name), ("GET", bytes_of(meta_of(self._prefix + key))), ("PTTL", name))
        if not isinstance(value, bytes):
            return None
        known = parse_meta(meta) if isinstance(meta, bytes) else None
        expires = time.time() + left / 1000 if isinstance(left, int) and left >= 0 else None
        if known is None:
            return Held(value, math.nan, expires)
        return Held(value, known.cached_at, expires, tags=_tags(known), metadata=_metadata(known))

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store both with the same TTL in one transaction; what is stale already is not stored.

        Response time and cost, where the metadata or the response tell them, are noted for a day.
        """
        name, twin = self._key(key), bytes_of(meta_of(self._prefix + key))
        created = time.time() if math.isnan(held.created) else held.created
        ttl = None if held.expires is None else held.expires - created
        meta = write_meta(held.metadata, created, ttl)
        life: tuple[object, ...] = ()
        if held.expires is not None:
            left = round((held.expires - time.time()) * 1000)
            if left <= 0:
                self._at_once(("UNLINK", name, twin), transaction=True)
                return
            life = ("PX", left)
        both = (("SET", name, held.value, *life), ("SET", twin, meta, *life))
        self._together(both, self._notes(held, created))

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove both; whether the response was there."""
        removed = self._at_once(
            ("UNLINK", self._key(key)), ("UNLINK", bytes_of(meta_of(self._prefix + key))), transaction=True
        )
        return bool(removed[0])

    def known(self) -> Iterator[Known]:
        """All responses; their twins are part of them."""
        now = time.time()
        for name, size, left in self._stored():
            key = name[len(self._prefix) :]
            if not name.endswith(META) and not key.startswith("processing:"):
                yield known_of(key, "", size, left, now)

    def _notes(self, held: Held, created: float) -> tuple[tuple[object, ...], ...]:
        request = request_of(held.value, held.metadata)
        if request is None:
            return ()
        index = bytes_of(metrics_index(self._prefix))
        return (
            ("SET", bytes_of(metrics_prefix(self._prefix) + request.id), request.data, "EX", METRICS_SECONDS),
            ("ZADD", index, created, bytes_of(request.id)),
            ("ZREMRANGEBYSCORE", index, "-inf", f"({created - METRICS_SECONDS}"),
            ("EXPIRE", index, METRICS_SECONDS),
        )


def _tags(known: Meta) -> tuple[str, ...]:
    return (known.provider,) if known.provider else ()


def _metadata(known: Meta) -> dict[str, object]:
    told = {"request_id": known.request_id, "provider_used": known.provider}
    return {name: value for name, value in told.items() if value is not None}
