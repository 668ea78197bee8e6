"""One loader at a time for a key: threads wait for each other, processes where the cache lets them agree."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from cache_studio.adapters.key_access import KeyAccess, Place
from cache_studio.model.errors import BadRequest, LoadFailed

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

CLAIM_SECONDS = 60.0
"""How long a loader may take before another process loads, too (systems.md, S5)."""
POLL_SECONDS = 0.02
"""How often a load that another process makes is looked for, at first; up to ten times as long later."""
REFRESHERS = 2
"""How many threads load anew what is about to end."""
MISSING: Any = object()
"""What a lookup answers that found nothing."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a value is to be kept."""

    ttl: float | str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    persist: bool = True


def terms_of(
    ttl: float | str | None, tags: Iterable[str], metadata: Mapping[str, object] | None, persist: bool = True
) -> Terms:
    """The same as an application says it; BadRequest for tags that are no texts."""
    labels = (tags,) if isinstance(tags, str) else tuple(tags)
    if not all(isinstance(label, str) for label in labels):
        raise BadRequest("A tag is a text.")
    return Terms(ttl, labels, dict(metadata or {}), persist)


class Turn(Enum):
    """What a process does next that wants a key loaded."""

    LOAD = "load"
    WAIT = "wait"


class Flights:
    """Loads that are under way in this process, each waited for by any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Place, _Flight] = {}
        self._waiting: dict[int, _Flight] = {}

    def run(self, place: Place, load: Callable[[], Any]) -> Any:
        """What `load` answers or raises; the first to come runs it, the others wait and get the same.

        BadRequest for a loader that asks for its own key, or for one whose loader waits for this one.
        """
        with self._lock:
            waited_for = self._flights.get(place)
            if waited_for is None:
                flight = self._flights[place] = _Flight()
            else:
                self._begin_to_wait(waited_for, place)
        if waited_for is not None:
            return self._landed(waited_for, place)
        try:
            flight.value = load()
        except BaseException as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._flights[place]
            flight.done.set()
        return flight.value

    def _begin_to_wait(self, flight: "_Flight", place: Place) -> None:
        me = threading.get_ident()
        seen: _Flight | None = flight
        while seen is not None:
            if seen.thread == me:
                why = "It would wait for itself for ever."
                raise BadRequest(f"The loader of “{place[1]}” asks for its own key.", why)
            seen = self._waiting.get(seen.thread)
        self._waiting[me] = flight

    def _landed(self, flight: "_Flight", place: Place) -> Any:
        try:
            flight.done.wait()
        finally:
            with self._lock:
                del self._waiting[threading.get_ident()]
        if isinstance(flight.error, Exception):
            raise flight.error
        if flight.error is not None:
            raise LoadFailed(f"Loading “{place[1]}” was broken off.", "Ask again.")
        return flight.value


class _Flight:
    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None


class Claiming:
    """This process's part in agreeing with others who loads a key. Each step is a round trip or two."""

    def __init__(self, access: KeyAccess, place: Place, look: Callable[[], Any]) -> None:
        """`look` answers what is stored now, or MISSING."""
        self._access = access
        self._namespace, self._key = place
        self._look = look
        self._token = secrets.token_hex(16)
        self._waited_for = ""

    def step(self) -> Any:
        """Turn.LOAD: load, then `end`. Turn.WAIT: come again soon. Else the value that another process loaded.

        LoadFailed with what the other process said when its loader raised.
        """
        holder = self._access.claim(self._key, self._namespace, self._token, CLAIM_SECONDS)
        found = self._look()
        if holder != self._token:
            self._waited_for = holder
            return Turn.WAIT if found is MISSING else found
        if found is not MISSING:
            self.end()
            return found
        problem = self._access.problem(self._key, self._namespace, self._waited_for) if self._waited_for else ""
        if problem:
            self.end()
            raise LoadFailed(f"Another process could not load “{self._key}”: {problem}", "Ask again.")
        return Turn.LOAD

    @contextmanager
    def working(self) -> Iterator[None]:
        """The time of loading: ends the claim, and tells those who wait what was raised."""
        problem = "It was broken off."
        try:
            yield
            problem = ""
        except Exception as error:  # the loader is the application's: those who wait are told what it raised
            problem = str(error) or type(error).__name__
            raise
        finally:
            self.end(problem)

    def end(self, problem: str = "") -> None:
        """Let go of the claim; `problem` says why nothing was loaded."""
        self._access.release(self._key, self._namespace, self._token, problem)


class Loads:
    """Loads of one cache: each key once at a time, in this process and, where they can agree, in all."""

    def __init__(
        self,
        look: Callable[[Place], Any],
        keep: Callable[[Place, Any, float, Terms], None],
        access: KeyAccess | None,
    ) -> None:
        """`look` answers what is stored or MISSING; `keep` puts what took so many seconds; claims go to `access`."""
        self._look = look
        self._keep = keep
        self._access = access
        self._flights = Flights()
        self._refreshers: ThreadPoolExecutor | None = None
        self._refreshing: set[Place] = set()
        self._closed = False
        self._lock = threading.Lock()

    def run(self, place: Place, loader: Callable[[], Any], terms: Terms) -> Any:
        """What the loader makes, kept; or what another thread or process made meanwhile, or raised."""
        return self._flights.run(place, lambda: self._agreed(place, loader, terms))

    def refresh(self, place: Place, loader: Callable[[], Any], terms: Terms, is_old: Callable[[], bool]) -> None:
        """Load anew in a thread, if nobody does or did and what is there `is_old`; what the loader raises is logged."""
        from concurrent.futures import ThreadPoolExecutor  # most caches never refresh

        with self._lock:
            if place in self._refreshing or self._closed:
                return
            self._refreshing.add(place)
            if self._refreshers is None:
                self._refreshers = ThreadPoolExecutor(REFRESHERS, "cache-studio refresh")
            self._refreshers.submit(self._refreshed, place, loader, terms, is_old)

    def renew(self, place: Place, loader: Callable[[], Any], terms: Terms) -> Any:
        """What the loader makes, kept whatever is there; or what a thread makes at this moment."""
        return self._flights.run(place, lambda: self._made(place, loader, terms))

    def claiming(self, place: Place) -> Claiming | None:
        """This process's part in agreeing who loads; None where processes cannot agree."""
        return None if self._access is None else Claiming(self._access, place, lambda: self._look(place))

    def close(self) -> None:
        """Wait for what is being loaded anew. Safe to call twice."""
        with self._lock:
            self._closed = True
            refreshers = self._refreshers
        if refreshers is not None:
            refreshers.shutdown(cancel_futures=True)

    def begin_in_child(self) -> None:
        """In a forked child: whoever was loading is not there."""
        self._flights = Flights()
        self._lock = threading.Lock()
        self._refreshers = None
        self._refreshing = set()

    def _agreed(self, place: Place, loader: Callable[[], Any], terms: Terms) -> Any:
        claiming = self.claiming(place)
        if claiming is None:
            value = self._look(place)
            return self._made(place, loader, terms) if value is MISSING else value
        pause = POLL_SECONDS
        while (turn := claiming.step()) is Turn.WAIT:
            time.sleep(pause)
            pause = min(pause * 1.5, 10 * POLL_SECONDS)
        if turn is not Turn.LOAD:
            return turn
        with claiming.working():
            return self._made(place, loader, terms)

    def _made(self, place: Place, loader: Callable[[], Any], terms: Terms) -> Any:
        began = time.perf_counter()
        value = loader()
        self._keep(place, value, time.perf_counter() - began, terms)
        return value

    def _refreshed(self, place: Place, loader: Callable[[], Any], terms: Terms, is_old: Callable[[], bool]) -> None:
        try:
            if is_old():
                self.renew(place, loader, terms)
        except Exception:  # the loader is the application's; the old value is still given out
            _log.warning("“%s” was not loaded anew", place[1], exc_info=True)
        finally:
            with self._lock:
                self._refreshing.discard(place)
