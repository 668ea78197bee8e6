"""Changes as the server announces them, where its administrator has switched that on; nothing is switched on here."""

import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import cast

from redis.exceptions import RedisError, ResponseError

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import connection_of
from cache_studio.adapters.redis_options import glob_of, place_of, text_of
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target


class KeyEvents:
    """A connection of its own that listens for changes under a prefix. Iterate it in one thread; `stop` from any."""

    def __init__(self, target: Target, options: Mapping[str, OptionValue]) -> None:
        """Subscribe; UnsupportedAction where the server announces nothing, CacheUnavailable where it is not there."""
        self._place = place_of(target, options)
        self._prefix = str(options.get("prefix") or "")
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
        if "E" in flags:
            self._by_key = False
            pattern = f"__keyevent@{self._place.db}__:*".encode()
        elif "K" in flags:
            self._by_key = True
            pattern = f"__keyspace@{self._place.db}__:".encode() + glob_of(self._prefix)
        else:
            raise UnsupportedAction("This server announces no changes.", "Its notify-keyspace-events is not set.")
        self._send("PSUBSCRIBE", pattern)

    def _flags(self) -> str:
        answer = cast(list[bytes], self._send("CONFIG", "GET", "notify-keyspace-events"))
        return text_of(answer[1]) if len(answer) > 1 else ""

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
            while True:
                message = cast(list[bytes], self._connection.read_response(disable_decoding=True))
                if message[0] == b"pmessage":
                    yield text_of(message[2].partition(b"__:")[2] if self._by_key else message[3])
                if not self._has_more():
                    return
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error

    def _has_more(self) -> bool:
        try:
            return bool(self._connection.can_read(timeout=0))
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error
