"""The runtime's door to plain Redis: one string key an entry."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from cache_studio.adapters import key_access
from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.redis_access import RedisAccess, batches, expiry_of, known_of, milliseconds_left
from cache_studio.adapters.redis_calls import is_other_type, key_bytes, unavailable
from cache_studio.adapters.redis_claims import markers_outside
from cache_studio.adapters.redis_keys.layout import key_of, namespace_of, places_of
from cache_studio.adapters.redis_options import Place
from cache_studio.model.errors import BadRequest
from cache_studio.model.globs import matcher
from cache_studio.model.options import OptionValue

MOST_PARTS = 32
"""A name of more parts could be one of too many entries: anything may have changed then."""


class RedisKeysAccess(RedisAccess):
    """Values as strings, the TTL kept by Redis. Creation is not recorded (NaN), metadata and tags are not stored.

    A namespace is a part of the name like any other: `user:42` without one and `42` in `user` are the same entry.
    """

    def __init__(self, place: Place, options: Mapping[str, OptionValue]) -> None:
        """Prepare; connects at the first call."""
        super().__init__(place, options)
        self._separator = str(options.get("separator") or "")

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The value with the moment at which Redis drops it."""
        name = key_bytes(self._name(key, namespace))
        left, value = self._calls.exchange([("PTTL", name), ("GET", name)])
        return self._held(value, left)

    def get_many(self, keys: Collection[str], namespace: str = "") -> dict[str, Held]:
        """What is stored for these keys, a thousand in a round trip; what is not is left out."""
        found: dict[str, Held] = {}
        for batch in batches(keys):
            names = [key_bytes(self._name(key, namespace)) for key in batch]
            *lives, values = self._calls.exchange([*(("PTTL", name) for name in names), ("MGET", *names)])
            if isinstance(values, Exception):
                raise unavailable(values, self._calls.place) from values
            for key, value, left in zip(batch, values, lives, strict=True):
                held = self._held(value, left)
                if held is not None:
                    found[key] = held
        return found

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store it for what is left of its life; what is stale already is not stored. BadRequest for tags."""
        if held.tags:
            raise BadRequest("Plain Redis keys hold no tags.", "Use the format redis-response, which keeps them.")
        name, left = key_bytes(self._name(key, namespace)), milliseconds_left(held)
        if left is None:
            self._calls.answers([("SET", name, held.value)])
        elif left > 0:
            self._calls.answers([("SET", name, held.value, "PX", left)])
        else:
            self._calls.answers([("UNLINK", name)])

    def known(self) -> Iterator[Known]:
        """All string keys under the prefix."""
        for page in self._pages():
            now = time.time()
            keys = [key_bytes(name) for name in page]
            told = self._calls.exchange([words for key in keys for words in (("STRLEN", key), ("PTTL", key))])
            for name, size, left in zip(page, told[::2], told[1::2], strict=True):
                if isinstance(size, int) and left != -2:
                    namespace = namespace_of(name, self._prefix, self._separator)
                    head = len(key_of("", namespace, self._prefix, self._separator))
                    yield known_of(name[head:], namespace, size, left, now)

    def _held(self, value: Any, left: Any) -> Held | None:
        # What has no life left any more is gone, whatever the other answer says.
        if value is None or left == -2 or is_other_type(value):
            return None
        for answer in (value, left):
            if isinstance(answer, Exception):
                raise unavailable(answer, self._calls.place) from answer
        return Held(value, math.nan, expiry_of(left, time.time()))

    @staticmethod
    def _markers_of(prefix: str) -> str:
        return markers_outside(prefix)

    def _name(self, key: str, namespace: str) -> str:
        if namespace and not self._separator:
            raise BadRequest("Keys without a separator have no namespaces.", "Set the option separator.")
        return key_of(key, namespace, self._prefix, self._separator)

    def _names(self, name: str) -> tuple[bytes, ...]:
        return (key_bytes(name),)

    def _places(self, name: str) -> Iterable[key_access.Place | None]:
        if name.startswith(self._markers):
            return ()
        if self._separator and name.count(self._separator, len(self._prefix)) >= MOST_PARTS:
            return (None,)
        return places_of(name, self._prefix, self._separator)

    def _fitting(self, pattern: str, namespace: str | None) -> Callable[[str], bool]:
        """The layout does not say where a namespace ends in a name with several separators.

        So a namespace means also those below it; directly under the prefix only a pattern that has a separator
        itself reaches further; and in all namespaces any reading that fits is enough.
        """
        fits, head = matcher(pattern), len(self._name("", namespace or ""))
        if namespace is None:
            return lambda name: (
                self._is_entry(name) and any(fits(place[1]) for place in places_of(name, self._prefix, self._separator))
            )
        if namespace:
            start = self._name("", namespace)
            return lambda name: name.startswith(start) and self._is_entry(name) and fits(name[head:])
        deep = not self._separator or self._separator in pattern
        return lambda name: (deep or self._separator not in name[head:]) and self._is_entry(name) and fits(name[head:])

    def _is_entry(self, name: str) -> bool:
        return not name.startswith(self._markers)
