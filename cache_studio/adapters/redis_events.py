"""Changes as the server announces them, where its administrator has switched that on; nothing is switched on here."""

import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

from redis.exceptions import RedisError, ResponseError

from cache_studio.adapters.redis_connect import connection_of
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import Place, glob_of, text_of
from cache_studio.model.errors import UnsupportedAction

MOST_AT_ONCE = 5_000
"""Messages that are heard before their names are told."""
_EVERY_CHANGE = set("g$lshzxet")
"""Classes of events that tell of every change of a key; the server shows all of them as "A"."""
_NO_CHANGE = b"keymiss"
"""A lookup that found nothing; our own would be told to us."""


class KeyEvents:
    """A connection of its own that listens for changes under a prefix. Iterate it in one thread; `stop` from any."""

    complete = False
    """Whether the server announces every kind of change."""

    def __init__(self, place: Place, prefix: str) -> None:
        """Subscribe; UnsupportedAction where the server announces nothing, CacheUnavailable where it is not there."""
        self._place = place
        self._prefix = prefix
        self._connection = connection_of(self._place)
        self._stop_here, self._stop_there = socket.socketpair()
        try:
            self._subscribe()
        except BaseException:
            self.close()
            raise

    def changes(self) -> Iterator[frozenset[str]]:
        """Names of changed keys, those of one moment together; blocks between. Ends after `stop`.

        Raises CacheUnavailable when the connection breaks: what was announced meanwhile is lost, list anew.
        """
        while self._wait():
            names = {name for name in self._drain() if name.startswith(self._prefix)}
            if names:
                yield frozenset(names)

    def stop(self) -> None:
        """End `changes`; from any thread, more than once."""
        with suppress(OSError):
            self._stop_there.send(b".")

    def close(self) -> None:
        """Release everything, after `changes` has ended."""
        self._connection.disconnect()
        self._stop_here.close()
        self._stop_there.close()

    def _subscribe(self) -> None:
        flags = self._flags()
        self.complete = "A" in flags or flags >= _EVERY_CHANGE
        if "E" in flags:
            self._by_key = False
            pattern = f"__keyevent@{self._place.db}__:*".encode()
        elif "K" in flags:
            self._by_key = True
            pattern = f"__keyspace@{self._place.db}__:".encode() + glob_of(self._prefix)
        else:
            raise UnsupportedAction("This server announces no changes.", "Its notify-keyspace-events is not set.")
        self._send("PSUBSCRIBE", pattern)

    def _flags(self) -> set[str]:
        answer = cast(list[bytes], self._send("CONFIG", "GET", "notify-keyspace-events"))
        return set(text_of(answer[1])) if len(answer) > 1 else set()

    def _send(self, *command: object) -> object:
        try:
            self._connection.send_command(*command, check_health=False)
            return self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            raise UnsupportedAction(explain(error, self._place).message) from error
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error

    def _wait(self) -> bool:
        if self._has_more():
            return True
        readable, _, _ = select.select([self._connection._sock, self._stop_here], [], [])
        return self._stop_here not in readable

    def _drain(self) -> Iterator[str]:
        try:
            for _ in range(MOST_AT_ONCE):
                message = cast(list[bytes], self._connection.read_response(disable_decoding=True))
                if message[0] == b"pmessage":
                    yield from self._name(message[2].partition(b"__:")[2], message[3])
                if not self._has_more():
                    return
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error

    def _name(self, channel: bytes, text: bytes) -> Iterator[str]:
        name, event = (channel, text) if self._by_key else (text, channel)
        if event != _NO_CHANGE:
            yield text_of(name)

    def _has_more(self) -> bool:
        try:
            return bool(self._connection.can_read(timeout=0))
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error
