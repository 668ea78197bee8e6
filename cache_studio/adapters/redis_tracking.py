"""What the server tells of changed keys (CLIENT TRACKING, from Redis 6 on), for the memory of a running application."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

from redis import exceptions as raised

from cache_studio.adapters.key_access import Place
from cache_studio.adapters.redis_connect import connection_of
from cache_studio.adapters.redis_options import CONNECT_SECONDS, bytes_of, text_of
from cache_studio.adapters.redis_options import Place as Server

FIRST_WAIT, LONGEST_WAIT = 0.5, 5.0
"""Seconds between two attempts to come back to a server; doubled each time."""
QUIET_SECONDS = 5.0
"""After so long without a word the server is asked whether it is still there."""
Heard: TypeAlias = Callable[[Place | None], None]
_INVALIDATE = b"invalidate"
_log = logging.getLogger(__name__)


class Tracking:
    """Calls `changed` with every entry that anybody writes or removes below a prefix, from a thread of its own.

    With None after a flush, after the connection broke, and after it came back. Nothing is looked up on the
    server, so nothing counts there as a hit. A forked child hears nothing: it has to listen anew.
    """

    def __init__(
        self, server: Server, prefix: str, places: Callable[[str], Iterable[Place | None]], changed: Heard
    ) -> None:
        """Prepare; `places` names the entries that the key of this name is, or is part of."""
        self._server = server
        self._prefix = prefix
        self._places = places
        self._changed = changed
        self._connection: Any = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def begin(self) -> bool:
        """Listen from now on; False where the server refuses. One that is not there is tried until it comes."""
        try:
            self._connect()
        except raised.ResponseError as error:
            _log.info("The server at %s does not tell of changes: %s", self._server, error)
            self._disconnect()
            return False
        except (raised.RedisError, OSError):
            self._disconnect()
        self._start()
        return True

    def close(self) -> None:
        """End it; no call comes after, unless this is one. Safe to call twice."""
        self._closed.set()
        sock = getattr(self._connection, "_sock", None)
        if sock is not None and os.getpid() == self._process:  # in a forked child it is the parent's, too
            with suppress(OSError):  # closed meanwhile
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # TLS as well is left for its thread to take down
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CONNECT_SECONDS + 1)
        self._thread = None

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="cache-studio redis changes", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            if self._connection is None:
                self._come_back()
            try:
                self._listen()
            except (raised.RedisError, OSError) as error:
                if not self._closed.is_set():
                    _log.info("No changes are told from %s: %s", self._server, error)
            self._disconnect()
            self._tell([None])

    def _come_back(self) -> None:
        wait = FIRST_WAIT
        while not self._closed.is_set():
            try:
                self._connect()
            except (raised.RedisError, OSError) as error:
                self._disconnect()
                if isinstance(error, raised.ResponseError):
                    self._tell([None])  # it is there, changes, and does not say what
                self._closed.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self._tell([None])
                return

    def _connect(self) -> None:
        connection = self._connection = connection_of(self._server)
        connection.protocol = 3  # before it connects: changes come as pushes on the same connection
        connection.connect()
        connection._parser.invalidation_push_handler_func = as_it_is
        prefix = ("PREFIX", bytes_of(self._prefix)) if self._prefix else ()
        connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", *prefix, check_health=False)
        connection.read_response(disable_decoding=True)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None

    def _listen(self) -> None:
        connection, asked = self._connection, False
        while not self._closed.is_set():
            try:
                message = connection.read_response(
                    disable_decoding=True,
                    timeout=self._server.timeout if asked else QUIET_SECONDS,
                    disconnect_on_error=False,
                    push_request=True,
                )
            except raised.TimeoutError:
                if asked:
                    raise
                connection.send_command("PING", check_health=False)
                asked = True
                continue
            asked = False
            if isinstance(message, list) and len(message) > 1 and message[0] == _INVALIDATE:
                self._tell(self._changes(message[1]))

    def _changes(self, names: object) -> Iterable[Place | None]:
        if not isinstance(names, list):
            return [None]
        changes: dict[Place | None, None] = {}
        for name in map(text_of, cast(Sequence[bytes], names)):
            if name.startswith(self._prefix):
                changes |= dict.fromkeys(self._places(name))
        return changes

    def _tell(self, places: Iterable[Place | None]) -> None:
        for place in places:
            if self._closed.is_set():
                return
            try:
                self._changed(place)
            except Exception:  # whatever it is: without this thread the application's memory would stay stale for ever
                _log.exception("A change could not be passed on.")


def as_it_is(message: object) -> object:
    """The handler of the driver for what a server tells: without one the driver swallows these messages."""
    return message
