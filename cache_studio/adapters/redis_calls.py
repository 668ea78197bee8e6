"""Commands of a running application: a pool of connections that its threads share, one round trip a call.

Commands are packed and sent on the bare connection, as in `redis_link`: the driver's own pipeline costs three
times the processor time.
"""

import os
import select
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeAlias

from redis.exceptions import ExecAbortError, ReadOnlyError, RedisError, ResponseError

from cache_studio.adapters.redis_connect import connection_of
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import Place, bytes_of
from cache_studio.model.errors import BadRequest, CacheUnavailable

MAX_CONNECTIONS = 50
"""How many connections one cache has at most; who comes later waits for one."""
Command: TypeAlias = tuple[Any, ...]
Exchange: TypeAlias = Callable[[Sequence[Command]], list[Any]]
_MULTI, _EXEC = ("MULTI",), ("EXEC",)


class Calls(ABC):
    """Calls to one server or to a cluster, from many threads; a forked child has connections of its own.

    Nothing is sent twice, but what a node of a cluster refuses because the key is on another one.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        _all_calls.add(self)

    @abstractmethod
    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order; an answer that is an error is an exception object in the list.

        CacheUnavailable when the server is not there, or the connection breaks.
        """

    def answers(self, commands: Sequence[Command]) -> list[Any]:
        """The same, but the first answer that is an error is raised as CacheUnavailable."""
        found = self.exchange(commands)
        for answer in found:
            if isinstance(answer, Exception):
                raise unavailable(answer, self.place) from answer
        return found

    @abstractmethod
    def each(self, commands: Sequence[Command]) -> list[list[Any]]:
        """The answers of every server."""

    @abstractmethod
    def together(self, commands: Sequence[Command], beside: Sequence[Command] = ()) -> list[Any]:
        """The answers to `commands`, done in one transaction or not at all.

        What fails `beside` (a key that the application uses for something else, no right) is left out. Commands
        for keys in several slots of a cluster are done one after the other.
        """

    @abstractmethod
    def at_once(self, commands: Sequence[Command], after: Sequence[Command]) -> tuple[list[Any], list[Any]]:
        """The answers to `commands`, which nobody sees half done on one server, and to what is sent `after` them."""

    @abstractmethod
    def line(self, key: bytes) -> AbstractContextManager[Exchange]:
        """One connection to where a key is, for several exchanges; it is given up when one of them fails."""

    @abstractmethod
    def apart(self, keys: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Those of these keys that one command may name together with the first, and the others."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections, those in use when they are given back. Safe to call twice."""

    @abstractmethod
    def begin_in_child(self) -> None:
        """In a forked child: the connections are the parent's, and so are the threads that had one."""


class ServerCalls(Calls):
    """Calls to one server. A connection that it closed while it was idle is noticed before it is used."""

    def __init__(self, place: Place, most: int = MAX_CONNECTIONS) -> None:
        """Prepare; connects at the first call."""
        super().__init__(place)
        self._most = most
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._free: list[Any] = []
        self._slots = threading.Semaphore(self._most)

    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """The answers of the server, in order."""
        connection = self._take()
        try:
            answers = _exchanged(connection, commands)
            if self.place.service and any(isinstance(answer, ReadOnlyError) for answer in answers):
                connection.disconnect()  # it is the primary no more: the Sentinels know which server is
            return answers
        except (RedisError, OSError) as error:
            raise unavailable(error, self.place) from error
        finally:
            self._give_back(connection)

    def each(self, commands: Sequence[Command]) -> list[list[Any]]:
        """Those of the one server."""
        return [self.exchange(commands)]

    def together(
        self, commands: Sequence[Command], beside: Sequence[Command] = (), lead: Sequence[Command] = ()
    ) -> list[Any]:
        """One transaction of both; `lead` goes before it."""
        sent = self.exchange([*lead, _MULTI, *commands, *beside, _EXEC])[len(lead) :]
        refused = next((answer for answer in sent[1 : 1 + len(commands)] if isinstance(answer, Exception)), None)
        if isinstance(sent[-1], ExecAbortError) and beside and refused is None:
            return self.together(commands, (), lead)
        error = refused or (sent[-1] if isinstance(sent[-1], Exception) else None)
        found = [] if error else sent[-1][: len(commands)]
        error = error or next((answer for answer in found if isinstance(answer, Exception)), None)
        if error:
            raise unavailable(error, self.place) from error
        return list(found)

    def at_once(self, commands: Sequence[Command], after: Sequence[Command]) -> tuple[list[Any], list[Any]]:
        """One transaction, and what comes after it in the same round trip."""
        sent = self.answers([_MULTI, *commands, _EXEC, *after])
        return sent[len(commands) + 1], sent[len(commands) + 2 :]

    @contextmanager
    def line(self, key: bytes) -> Iterator[Exchange]:
        """One connection, whatever the key."""
        connection = self._take()
        try:
            yield lambda commands: _exchanged(connection, commands)
        except (RedisError, OSError) as error:
            connection.disconnect()
            raise unavailable(error, self.place) from error
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._give_back(connection)

    def apart(self, keys: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """All together."""
        return keys, ()

    def close(self) -> None:
        """Close all connections, those in use when they are given back. Safe to call twice."""
        self._closed = True
        self._let_go()

    def begin_in_child(self) -> None:
        """In a forked child: the connections are the parent's, and so are the threads that had one."""
        self._begin()

    def _take(self) -> Any:
        if self._closed:
            raise CacheUnavailable(f"The connection to {self.place} was closed.", "Open the cache again.")
        self._slots.acquire()
        try:
            try:
                connection = self._free.pop()
            except IndexError:
                return connection_of(self.place)
            if connection._sock is not None and _has_something(connection._sock):
                connection.disconnect()
            return connection
        except BaseException:
            self._slots.release()
            raise

    def _give_back(self, connection: Any) -> None:
        self._free.append(connection)
        self._slots.release()
        if self._closed:
            self._let_go()

    def _let_go(self) -> None:
        while self._free:
            try:
                self._free.pop().disconnect()
            except IndexError:  # another thread was faster
                return


def key_bytes(name: str) -> bytes:
    """The name as Redis has it; BadRequest for a text that no bytes stand for."""
    try:
        return bytes_of(name)
    except UnicodeEncodeError as error:
        raise BadRequest("A key or namespace has half a character in it.", "Give valid text.") from error


def unavailable(error: Exception, place: Place) -> CacheUnavailable:
    """The error of a runtime call: whatever the reason, the application goes on without the cache."""
    found = explain(error, place)
    return found if isinstance(found, CacheUnavailable) else CacheUnavailable(found.message, found.hint)


def is_other_type(answer: object) -> bool:
    """Whether the key holds a list, hash or the like: of somebody else, and no entry."""
    return isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE")


def _exchanged(connection: Any, commands: Sequence[Command]) -> list[Any]:
    replies: list[Any] = []
    try:
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        read = connection.read_response
        for _command in commands:
            try:
                replies.append(read(disable_decoding=True))
            except ResponseError as error:
                replies.append(error)
    except BaseException:
        connection.disconnect()  # answers may still be under way: they must not be taken for the next ones
        raise
    return replies


def _has_something(sock: Any) -> bool:
    """Whether an idle connection can be read: then that is its end, or an answer to nobody."""
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(0))


_all_calls: "weakref.WeakSet[Calls]" = weakref.WeakSet()


def _begin_again() -> None:
    for calls in list(_all_calls):
        calls.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
