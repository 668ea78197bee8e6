"""The runtime's door to plain Redis: one string key an entry."""

import time
from collections.abc import Iterator, Mapping

from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.redis_access import RedisAccess, known_of
from cache_studio.adapters.redis_keys.layout import key_of, namespace_of
from cache_studio.adapters.redis_options import Place, bytes_of
from cache_studio.model.options import OptionValue


class RedisKeysAccess(RedisAccess):
    """Values as strings, the TTL kept by Redis. Creation is not recorded (NaN)."""

    def __init__(self, place: Place, options: Mapping[str, OptionValue]) -> None:
        """Prepare; connects at the first call."""
        super().__init__(place, options)
        self._separator = str(options.get("separator") or "")

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The value with the moment at which Redis drops it."""
        name = self._name(key, namespace)
        value, left = self._at_once(("GET", name), ("PTTL", name))
        if not isinstance(value, bytes):
            return None
        expires = time.time() + left / 1000 if isinstance(left, int) and left >= 0 else None
        return Held(value, float("nan"), expires)

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store it for what is left of its life; what is stale already is not stored."""
        name = self._name(key, namespace)
        if held.expires is None:
            self._at_once(("SET", name, held.value), transaction=True)
            return
        left = round((held.expires - time.time()) * 1000)
        self._at_once(("SET", name, held.value, "PX", left) if left > 0 else ("UNLINK", name), transaction=True)

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove it; whether it was there."""
        return bool(self._at_once(("UNLINK", self._name(key, namespace)), transaction=True)[0])

    def known(self) -> Iterator[Known]:
        """All string keys under the prefix."""
        now = time.time()
        for name, size, left in self._stored():
            namespace = namespace_of(name, self._prefix, self._separator)
            head = len(key_of("", namespace, self._prefix, self._separator))
            yield known_of(name[head:], namespace, size, left, now)

    def _name(self, key: str, namespace: str) -> bytes:
        return bytes_of(key_of(key, namespace, self._prefix, self._separator))
