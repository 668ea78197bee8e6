"""What both runtime doors to Redis share: by key or many at once, claims, changes, errors as sentences."""

import re
import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Self, TypeVar

from cache_studio.adapters import key_access
from cache_studio.adapters.key_access import SERVER, Held, KeyAccess, Known, Listener
from cache_studio.adapters.redis_calls import Command, key_bytes
from cache_studio.adapters.redis_claims import Claims
from cache_studio.adapters.redis_cluster_calls import open_calls
from cache_studio.adapters.redis_cluster_tracking import tracking_of
from cache_studio.adapters.redis_compare import remove_seen
from cache_studio.adapters.redis_options import Place, glob_of, place_of, text_of
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

AT_ONCE = 1_000
"""How many keys one round trip asks for, removes or looks through."""
T = TypeVar("T")
_INEXACT = re.compile(r"(\\.)|\?|\[.*|\\", re.DOTALL)


class RedisAccess(KeyAccess):
    """By key, from many threads. A server that is not there raises CacheUnavailable at each call, also the first.

    A format says how its keys are called; the first of the keys of an entry holds its value.
    """

    level = SERVER
    claims = True

    def __init__(self, place: Place, options: Mapping[str, OptionValue]) -> None:
        """Prepare; connects at the first call."""
        self._prefix = str(options.get("prefix") or "")
        self._markers = self._markers_of(self._prefix)
        self._calls = open_calls(place)
        self._claims = Claims(self._calls, self._markers)
        self._listeners: list[Listener] = []

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> Self:
        """A door to the prefix of this target; nothing has to be created."""
        return cls(place_of(target, options), options)

    @staticmethod
    @abstractmethod
    def _markers_of(prefix: str) -> str:
        """How the names of claims begin."""

    @abstractmethod
    def _name(self, key: str, namespace: str) -> str:
        """The name of the key that holds the value of an entry."""

    @abstractmethod
    def _names(self, name: str) -> tuple[bytes, ...]:
        """All keys of the entry whose value lies in the key of this name, that one first."""

    def _forms(self, name: str) -> Sequence[tuple[bytes, ...]]:
        """The keys of an entry in every way in which it may be stored, the one in which it is written first."""
        return (self._names(name),)

    def _plain(self, name: str) -> str:
        """The name of the entry that is stored in the key of this name."""
        return name

    @abstractmethod
    def _places(self, name: str) -> Iterable[key_access.Place | None]:
        """The entries that the key of this name is, or is part of; None where they could be too many to say."""

    @abstractmethod
    def _fitting(self, pattern: str, namespace: str | None) -> Callable[[str], bool]:
        """Whether the key of a name holds the value of an entry that the glob matches, in one namespace or in all."""

    def close(self) -> None:
        """End what listens, and close all connections."""
        for listener in self._listeners:
            listener.close()
        self._calls.close()

    def holds(self, key: str, namespace: str = "") -> bool:
        """Whether something is stored."""
        forms = self._forms(self._name(key, namespace))
        return any(self._calls.answers([("EXISTS", keys[0]) for keys in forms]))

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove it; whether it was there."""
        return self._removed([self._name(key, namespace)])[0][0]

    def discard(self, key: str, seen: Held, namespace: str = "") -> bool:
        """Remove it only if value and expiry are still what was seen; whether it was removed."""
        forms = self._forms(self._name(key, namespace))
        return any(remove_seen(self._calls, keys, seen.value, seen.expires) for keys in forms)

    def delete_many(self, places: Collection[key_access.Place]) -> list[key_access.Place]:
        """Remove them, a thousand in a round trip; those that were there."""
        gone: list[key_access.Place] = []
        for batch in batches(places):
            there, _ = self._removed([self._name(key, namespace) for namespace, key in batch])
            gone += [place for place, was_there in zip(batch, there, strict=True) if was_there]
        return gone

    def delete_like(self, pattern: str, namespace: str | None = None) -> int:
        """Remove the keys that a glob matches, in one namespace or in all; how many there were."""
        fits = self._fitting(pattern, namespace)
        looking = ("MATCH", self._glob(pattern), "COUNT", AT_ONCE, "TYPE", "string")
        cursor, found, count = b"0", list[str](), 0
        while True:
            there, (page,) = self._removed(found, ("SCAN", cursor, *looking))
            count += sum(there)
            cursor, found = page[0], [name for name in map(self._plain, map(text_of, page[1])) if fits(name)]
            if cursor == b"0":
                return count + sum(self._removed(found)[0])

    def listen(self, changed: Callable[[key_access.Place | None], None]) -> Listener | None:
        """As `redis_tracking.Tracking` has it; None where the server does not tell or this user may not hear it.

        Where a name may be one of several entries, all of them are told.
        """
        tracking = tracking_of(self._calls, self._prefix, self._places, changed)
        if not tracking.begin():
            return None
        self._listeners.append(tracking)
        return tracking

    def claim(self, key: str, namespace: str, token: str, seconds: float) -> str:
        """Say that this process loads a key; the token of who does: the given one, or another's who was first."""
        return self._claims.claim(self._claimed(key, namespace), token, seconds)

    def release(self, key: str, namespace: str, token: str, problem: str = "") -> None:
        """End an own claim; `problem` says why nothing was loaded, to those who wait, for five seconds."""
        self._claims.release(self._claimed(key, namespace), token, problem)

    def problem(self, key: str, namespace: str, token: str) -> str:
        """What the holder of an ended claim said; "" when it loaded, or said nothing."""
        return self._claims.problem(self._claimed(key, namespace), token)

    def _claimed(self, key: str, namespace: str) -> str:
        return self._name(key, namespace)[len(self._prefix) :]

    def _glob(self, pattern: str) -> bytes:
        """A pattern for the server that finds at least the names that fit.

        The server matches bytes and `model.globs` letters, so what is no literal letter becomes `*`.
        """
        return glob_of(self._prefix) + key_bytes(_INEXACT.sub(lambda found: found[1] or "*", pattern))

    def _removed(self, names: Sequence[str], *after: Command) -> tuple[list[bool], list[Any]]:
        """Remove entries, each with all its keys; whether each was there, and the answers to what is sent along."""
        forms = [self._forms(name) for name in names]
        words = [("UNLINK", key) for entry in forms for keys in entry for key in keys]
        each = len(forms[0][0]) if forms else 1
        if each == 1:
            sent = self._calls.answers([*words, *after])
            gone, told = sent[: len(words)], sent[len(words) :]
        else:
            gone, told = self._calls.at_once(words, after)
        heads = iter(gone[::each])
        return [any([next(heads) for _keys in entry]) for entry in forms], told

    def _pages(self) -> Iterator[list[str]]:
        """The names of the strings below the prefix, without markers, each once."""
        cursor, seen = b"0", set[str]()
        while True:
            looking = ("SCAN", cursor, "MATCH", glob_of(self._prefix), "COUNT", AT_ONCE, "TYPE", "string")
            cursor, found = self._calls.answers([looking])[0]
            names = [name for name in map(self._plain, map(text_of, found)) if not name.startswith(self._markers)]
            page = [name for name in dict.fromkeys(names) if name not in seen]
            seen.update(page)
            if page:
                yield page
            if cursor == b"0":
                return


def expiry_of(left: object, now: float) -> float | None:
    """When a key expires of which PTTL said this; None is never."""
    return now + left / 1000 if isinstance(left, int) and left >= 0 else None


def milliseconds_left(held: Held) -> int | None:
    """What is left of the life of an entry: zero or less when it is stale, None when it never is."""
    return None if held.expires is None else round((held.expires - time.time()) * 1000)


def known_of(key: str, namespace: str, size: int, left: object, now: float) -> Known:
    """What STRLEN and PTTL tell of one key; Redis keeps no time of creation (NaN)."""
    return Known(key, namespace, size, float("nan"), expiry_of(left, now))


def batches(wanted: Collection[T]) -> Iterator[list[T]]:
    """The same in lists of `AT_ONCE`."""
    rest = iter(wanted)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch
