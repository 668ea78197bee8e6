"""A connection of its own on which one server tells of changes: waiting, stopping, and noticing that it fell silent."""

import select
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress

from redis.exceptions import RedisError

from cache_studio.adapters.redis_connect import connection_of
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import Place
from cache_studio.model.errors import CacheUnavailable

MOST_AT_ONCE = 5_000
"""Messages that are read before their names are told."""
GATHER_SECONDS = 0.1
"""Names are told at most so often; those of a first change at once."""
QUIET_SECONDS = 15.0
"""After so long without a word the server is asked whether it is still there."""


class ChangeStream(ABC):
    """One server's changes under a prefix. Iterate it in one thread; `stop` from any."""

    complete = False
    """Whether the server tells every change."""
    hears_misses = False
    """Whether it tells of lookups that found nothing, too."""
    protocol = 2

    def __init__(self, place: Place, prefix: str) -> None:
        """Begin; UnsupportedAction where the server tells nothing, CacheUnavailable where it is not there."""
        self._place = place
        self._prefix = prefix
        self._connection = connection_of(place)
        self._connection.protocol = self.protocol  # before it connects
        self._stop_here, self._stop_there = socket.socketpair()
        self._asked = False
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _begin(self) -> None:
        """Tell the server what is to be told."""

    @abstractmethod
    def _read(self) -> object:
        """The next message."""

    @abstractmethod
    def _names(self, message: object) -> set[str] | None:
        """The changed keys of one message; None when anything may have changed."""

    def changes(self) -> Iterator[frozenset[str] | None]:
        """Names of changed keys, at most ten times a second; None: anything may have changed. Ends after `stop`.

        Raises CacheUnavailable when the connection breaks: what was announced meanwhile is lost, list anew.
        """
        names: set[str] = set()
        due = 0.0
        while self._wait(due - time.monotonic() if names else QUIET_SECONDS):
            found = self._drain()
            if found is None:
                names.clear()
                yield None
                continue
            names |= found
            if names and time.monotonic() >= due:
                yield frozenset(names)
                names.clear()
                due = time.monotonic() + GATHER_SECONDS

    def stop(self) -> None:
        """End `changes`; from any thread, more than once."""
        with suppress(OSError):
            self._stop_there.send(b".")

    def close(self) -> None:
        """Release everything, after `changes` has ended."""
        self._connection.disconnect()
        self._stop_here.close()
        self._stop_there.close()

    def _wait(self, seconds: float) -> bool:
        """Until there is something to read, or so long; False when it is to end."""
        if self._has_more():
            return True
        wait = min(seconds, self._place.timeout) if self._asked else seconds
        readable, _, _ = select.select([self._connection._sock, self._stop_here], [], [], max(0.0, wait))
        if not readable and wait >= min(QUIET_SECONDS, self._place.timeout):
            self._ask()
        return self._stop_here not in readable

    def _ask(self) -> None:
        if self._asked:
            raise CacheUnavailable(f"The server at {self._place} fell silent.", "It may be frozen or busy.")
        try:
            self._connection.send_command("PING", check_health=False)
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error
        self._asked = True

    def _drain(self) -> set[str] | None:
        names: set[str] = set()
        everything = False
        try:
            for _ in range(MOST_AT_ONCE):
                if not self._has_more():
                    break
                found = self._names(self._read())
                self._asked = False
                everything |= found is None
                names |= found or set()
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error
        return None if everything else names

    def _has_more(self) -> bool:
        try:
            return bool(self._connection.can_read(timeout=0))
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error
