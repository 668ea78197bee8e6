"""A server that is away costs a miss, not a wait: a circuit breaker, and a door behind one."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, ParamSpec, TypeVar

from cache_studio.adapters.key_access import Held, KeyAccess, Known, Listener, Place
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

FAILURES = 5
"""How many calls in a row may fail before no more are made."""
REST_SECONDS = 5.0
"""How long none are made then."""
_log = logging.getLogger(__name__)
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


class State(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    """Makes it."""
    OPEN = "open"
    """Refuses it, at once."""
    HALF_OPEN = "half-open"
    """One call is trying whether the server is back; others are refused meanwhile."""


class Breaker:
    """Makes calls until `failures` in a row raised CacheUnavailable, then none for `rest` seconds, then one to try.

    Safe from many threads. It says in the log once that it opened and once that it closed.
    """

    def __init__(
        self, failures: int = FAILURES, rest: float = REST_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """A closed breaker; `clock` in seconds never goes back. BadRequest for less than one failure."""
        if failures < 1 or not rest >= 0:
            raise BadRequest("A breaker opens after one failure or more and rests for some seconds.")
        self._limit = failures
        self._rest = rest
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._state = State.CLOSED
        self._trial_at = 0.0
        self._why = CacheUnavailable("The server did not answer.")

    @property
    def state(self) -> State:
        """What the last calls left it in."""
        return self._state

    def call(self, function: Callable[_Given, _Answer], /, *arguments: _Given.args, **named: _Given.kwargs) -> _Answer:
        """The answer of the function; CacheUnavailable when it raises that, or at once when nothing is called now."""
        trying = self._state is not State.CLOSED
        if trying:
            self._begin_trial()
        try:
            answer = function(*arguments, **named)
        except CacheUnavailable as error:
            self._failed(error, trying)
            raise
        except BaseException:
            if trying:
                self._learned_nothing()
            raise
        if trying or self._failures:
            self._succeeded(trying)
        return answer

    def _begin_trial(self) -> None:
        with self._lock:
            now = self._clock()
            if now < self._trial_at:
                raise CacheUnavailable(self._why.message, self._why.hint)
            # A trial that never comes to an end (its thread was lost) does not keep all others out for ever.
            self._trial_at = now + self._rest
            self._state = State.HALF_OPEN

    def _failed(self, error: CacheUnavailable, trying: bool) -> None:
        with self._lock:
            self._why = error
            self._failures += 1
            opens = self._state is State.CLOSED and self._failures >= self._limit
            if opens or trying:
                self._state = State.OPEN
                self._trial_at = self._clock() + self._rest
        if opens:
            _log.warning("%s Going on without it; asking again every %g s.", error.message, self._rest)

    def _succeeded(self, trying: bool) -> None:
        with self._lock:
            if not trying and self._state is not State.CLOSED:
                return  # the answer of a call from before it opened
            closes = self._state is not State.CLOSED
            self._failures = 0
            self._state = State.CLOSED
        if closes:
            _log.info("The server answers again.")

    def _learned_nothing(self) -> None:
        with self._lock:
            if self._state is State.HALF_OPEN:
                self._state = State.OPEN
                self._trial_at = self._clock()


class Degrading(KeyAccess):
    """A door to a server behind a breaker.

    While the server is away a lookup finds nothing, a write is dropped and everybody may load; what removes or
    lists raises CacheUnavailable, since who removes must know.
    """

    def __init__(self, access: KeyAccess, breaker: Breaker) -> None:
        """Guard an open door."""
        self._access = self.guarded = access
        self._breaker = breaker
        self._counting = threading.Lock()
        self.level = access.level
        self.claims = access.claims
        self.keeps_last_moment = access.keeps_last_moment
        self.listed_as = access.listed_as  # type: ignore[method-assign]  # no call to the server
        self.lost = 0
        """How many writes were dropped."""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> KeyAccess:
        """Not possible: what is guarded is opened first."""
        raise BadRequest("A guarded cache is opened by its own format.")

    @property
    def away(self) -> bool:
        """Whether the last calls found no server."""
        return self._breaker.state is not State.CLOSED

    def get(self, key: str, namespace: str = "") -> Held | None:
        """What is stored; None while the server is away."""
        return self._or(None, self._access.get, key, namespace)

    def get_many(self, keys: Collection[str], namespace: str = "") -> dict[str, Held]:
        """What is stored for these keys; nothing while the server is away."""
        return self._or({}, self._access.get_many, keys, namespace)

    def holds(self, key: str, namespace: str = "") -> bool:
        """Whether something is stored; False while the server is away."""
        return self._or(False, self._access.holds, key, namespace)

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store it; while the server is away it is dropped and counted in `lost`."""
        try:
            self._breaker.call(self._access.put, key, held, namespace)
        except CacheUnavailable as error:
            _log.info("Not stored: %s", error.message)
            with self._counting:
                self.lost += 1

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Note an access; nothing while the server is away."""
        self._or(None, self._access.touch, key, namespace, accessed)

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove it; CacheUnavailable while the server is away."""
        return self._breaker.call(self._access.delete, key, namespace)

    def discard(self, key: str, seen: Held, namespace: str = "") -> bool:
        """Remove it if it is what was seen; CacheUnavailable while the server is away."""
        return self._breaker.call(self._access.discard, key, seen, namespace)

    def delete_many(self, places: Collection[Place]) -> list[Place]:
        """Remove them; CacheUnavailable while the server is away."""
        return self._breaker.call(self._access.delete_many, places)

    def delete_like(self, pattern: str, namespace: str | None = None) -> int:
        """Remove what a glob matches; CacheUnavailable while the server is away."""
        return self._breaker.call(self._access.delete_like, pattern, namespace)

    def discard_stale(self, now: float) -> list[Known]:
        """Remove what is stale; CacheUnavailable while the server is away."""
        return self._breaker.call(self._access.discard_stale, now)

    def known(self) -> Iterator[Known]:
        """All stored keys; CacheUnavailable while the server is away, also in the middle."""
        walk = self._access.known()
        while (entry := self._breaker.call(next, walk, None)) is not None:
            yield entry

    def compact(self) -> int:
        """Give unused space back; CacheUnavailable while the server is away."""
        return self._breaker.call(self._access.compact)

    def flush(self) -> None:
        """Write what is still only in memory; while the server is away it stays there."""
        self._or(None, self._access.flush)

    def close(self) -> None:
        """Release everything."""
        self._access.close()

    def listen(self, changed: Callable[[Place | None], None]) -> Listener | None:
        """As the guarded door does: it comes back by itself."""
        return self._access.listen(changed)

    def claim(self, key: str, namespace: str, token: str, seconds: float) -> str:
        """Who loads; while the server is away everybody may."""
        return self._or(token, self._access.claim, key, namespace, token, seconds)

    def release(self, key: str, namespace: str, token: str, problem: str = "") -> None:
        """End a claim; while the server is away it ends by itself."""
        self._or(None, self._access.release, key, namespace, token, problem)

    def problem(self, key: str, namespace: str, token: str) -> str:
        """What the holder of an ended claim said; "" while the server is away."""
        return self._or("", self._access.problem, key, namespace, token)

    def _or(self, instead: _Answer, function: Callable[..., _Answer], *arguments: Any) -> _Answer:
        try:
            return self._breaker.call(function, *arguments)
        except CacheUnavailable:
            return instead
