"""The connection to one attached server: commands in bulk, own reads accounted for, errors as sentences.

Commands are packed and sent on the bare connection: the driver's own pipeline costs three times the
processor time (performance.md, section 2).
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

from redis.exceptions import ExecAbortError, NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from cache_studio.adapters.redis_connect import connection_of
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link, Script, ScriptCall, Turn, packed
from cache_studio.adapters.redis_options import Place
from cache_studio.adapters.redis_own_reads import LOOKS_CHANNEL, OwnReads, info_numbers, own_reads
from cache_studio.adapters.redis_rights import Command, Rights, find_rights
from cache_studio.adapters.redis_slots import REDIRECTIONS
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, Cancelled, UnsupportedAction
from cache_studio.model.seeing import Counters, Scope, Source

CLIENT_NAME = "cache-studio"
ALL_NODES = "Write redis+cluster:// in place of redis:// to see all nodes."
_IN_FLIGHT = 5
"""Calls of a script that are sent in one round trip: their answers may be a megabyte each."""
_INFO_STATS: Command = ("INFO", "stats")


class ServerLink(Link):
    """The link to one server: one connection."""

    def __init__(self, place: Place, probe_key: bytes, turn: Turn | None = None) -> None:
        """Connect and find the rights; `probe_key` lies under the attached prefix and is used by nobody."""
        super().__init__(place, turn or Turn())
        self.marks = False
        """Whether our transactions are marked, so that who listens for misses can leave out those of our looks."""
        self._connection = connection_of(place)
        self._account: OwnReads | None = None
        self._ahead: _Ahead | None = None
        self._rights: Rights | None = None
        try:
            with self.call():
                self._rights = find_rights(self.exchange, probe_key, place.user)
        except BaseException:
            self.close()
            raise

    @property
    def rights(self) -> Rights:
        """What the user may do here."""
        assert self._rights is not None  # the constructor sets them or raises
        return self._rights

    def break_off(self) -> None:
        """Shut the socket down."""
        broken = self._connection._sock
        if broken is not None:
            with suppress(OSError):
                broken.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        self._connection.disconnect()
        self.settle_ahead()

    def exchange(self, commands: Sequence[Command]) -> list[object]:
        """The answers, in order; an answer that is an error is an exception object in the list.

        Raises CacheUnavailable when the connection breaks, Cancelled after `interrupt`.
        """
        self.settle_ahead()
        self._send(commands)
        return self._receive(len(commands))

    def _send(self, commands: Sequence[Command]) -> None:
        with self._disconnecting():
            if self._turn.interrupted:
                raise Cancelled
            if self._connection._sock is None:
                self._connect()
            self._connection.send_packed_command(packed(commands), check_health=False)

    def _receive(self, count: int) -> list[object]:
        replies: list[object] = []
        with self._disconnecting():
            for _reply in range(count):
                try:
                    replies.append(self._connection.read_response(disable_decoding=True))
                except ResponseError as error:
                    replies.append(error)
        if self.place.service and any(isinstance(reply, ReadOnlyError) for reply in replies):
            self._connection.disconnect()  # it is the primary no more: the Sentinels know which server is
        return replies

    @contextmanager
    def _disconnecting(self) -> Iterator[None]:
        """Disconnect where what was begun did not end: answers under way must not be taken for the next ones."""
        try:
            yield
        except (RedisError, OSError) as error:
            self._connection.disconnect()
            if self._turn.interrupted:
                raise Cancelled from None
            raise explain(error, self.place) from error
        except BaseException:
            self._connection.disconnect()
            raise

    def everywhere(self, *command: object) -> None:
        """Have the server do it."""
        self.ask(*command)

    def bracketed(self, commands: Sequence[Command]) -> list[object]:
        """Read in one transaction between two looks at the counters."""
        return self._bracketed(commands, self._apart(commands)) if commands else []

    def _bracketed(self, commands: Sequence[Command], waiting: list[list[int]]) -> list[object]:
        """Those at the places of each list in a transaction of their own, all in one round trip."""
        if not self.rights.brackets:
            return self.exchange(commands)
        answers: list[object] = [None] * len(commands)
        for _attempt in range(2):
            told = self._transactions([[commands[at] for at in part] for part in waiting])
            rests = [_settled(part, found, answers) for part, found in zip(waiting, told, strict=True)]
            waiting = [rest for rest in rests if rest]
            if not waiting:
                return answers
        raise CacheUnavailable(f"The server at {self.place} refused a transaction.", "Look at its ACL and log.")

    def run_script(self, script: Script, calls: Sequence[ScriptCall]) -> list[object]:
        """The answers of several calls of a script, bracketed; sent in full only where the server does not know it."""
        return self._run(script, calls, self.bracketed)

    def run_each(self, script: Script, calls: Sequence[ScriptCall]) -> list[object]:
        """Several calls in one round trip, each a transaction of its own."""
        answers: list[object] = []
        for start in range(0, len(calls), _IN_FLIGHT):
            answers += self._run(script, calls[start : start + _IN_FLIGHT], self._each_bracketed)
        return answers

    def _each_bracketed(self, commands: Sequence[Command]) -> list[object]:
        return self._bracketed(commands, [[at] for at in range(len(commands))])

    @staticmethod
    def _run(
        script: Script, calls: Sequence[ScriptCall], send: Callable[[Sequence[Command]], list[object]]
    ) -> list[object]:
        replies = send([script.by_name(*call) for call in calls])
        unknown = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            again = send([script.in_full(*calls[unknown[0]]), *(script.by_name(*calls[i]) for i in unknown[1:])])
            for i, reply in zip(unknown, again, strict=True):
                replies[i] = reply
        return replies

    def run_ahead(self, script: Script, call: ScriptCall) -> Callable[[], object]:
        """Send a call in a transaction of its own; the server works on it while we do something else."""
        self.settle_ahead()
        account, command = self._account, script.by_name(*call)
        if self._connection._sock is None or account is None or not self.rights.brackets:
            return super().run_ahead(script, call)
        before, after = self._around()
        commands = [("MULTI",), *before, command, *after, ("EXEC",)]
        if not account.lock.acquire(timeout=self.place.timeout + 1):
            raise self._frozen()
        try:
            self._send(commands)
        except BaseException:
            account.lost()
            account.lock.release()
            raise
        ahead = self._ahead = _Ahead(account, command, len(commands))

        def answer() -> object:
            if ahead is self._ahead:
                self.settle_ahead()
            if isinstance(ahead.found, CacheUnavailable):
                raise ahead.found
            if not isinstance(ahead.found, list) or isinstance(ahead.found[0], _Refused | NoScriptError):
                return super(ServerLink, self).run_ahead(script, call)()
            return ahead.found[0]

        return answer

    def settle_ahead(self) -> None:
        """Receive the answer of what was begun, so that others are not kept waiting, nor given that answer."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        try:
            if self._connection._sock is None:
                raise Cancelled
            ahead.found = self._booked(ahead.account, [ahead.command], self._receive(ahead.answers))
        except CacheStudioError as error:
            ahead.account.lost()
            ahead.found = error
        finally:
            ahead.account.lock.release()

    def looked_up(self, hits: int, misses: int) -> None:
        """Book reads that could not be bracketed."""
        self.settle_ahead()
        if self._account is not None:
            with self._account.lock:
                self._account.add(hits, misses)

    def counters(self) -> Counters:
        """Hits and misses of everybody but us since the server's counters began; empty without the rights."""
        if not self.rights.brackets:
            return Counters()
        self.exchange(
            [("PING",)]
        )  # after a restart of the server this connects anew, so that the account is the right one
        account = self._require_account()
        with self._holding(account):
            stats = info_numbers(cast(bytes, self.ask(*_INFO_STATS)))
            hits, misses = account.application(stats)
            return Counters(hits, misses, Source.RECORDED, Scope.SERVER, account.epoch)

    def info(self, section: str) -> dict[str, str]:
        """A section of INFO; empty where it is not allowed."""
        if not self.rights.may("INFO"):
            return {}
        return info_texts(cast(bytes, self.ask("INFO", section)))

    def _apart(self, commands: Sequence[Command]) -> list[list[int]]:
        """Which commands, by their places, may stand in one transaction."""
        return [list(range(len(commands)))]

    def _lead(self, commands: Sequence[Command]) -> list[Command]:
        """What goes before a transaction of these."""
        return []

    def _transactions(self, parts: Sequence[Sequence[Command]]) -> list[list[object] | None]:
        # Of each part the answers; or, where queueing was refused, what was refused in its place.
        if self._connection._sock is None:
            self.exchange([("PING",)])  # the account belongs to the run of the server that will answer
        account = self._require_account()
        leads = [self._lead(part) for part in parts]
        before, after = self._around()
        with self._holding(account):
            try:
                sent = self.exchange(
                    [
                        words
                        for lead, part in zip(leads, parts, strict=True)
                        for words in (*lead, ("MULTI",), *before, *part, *after, ("EXEC",))
                    ]
                )
            except CacheStudioError:
                account.lost()
                raise
            found, start = [], 0
            for lead, part in zip(leads, parts, strict=True):
                start += len(lead)
                end = start + len(part) + len(before) + len(after) + 2
                found.append(self._booked(account, part, sent[start:end]))
                start = end
            return found

    def _around(self) -> tuple[list[Command], list[Command]]:
        """What a transaction begins and ends with; the look at the counters stands next to its commands."""
        if not self.marks:
            return [_INFO_STATS], [_INFO_STATS]
        run = self.facts["run_id"].encode()
        begin, end = (("PUBLISH", LOOKS_CHANNEL, run + sign) for sign in (b"+", b"-"))
        return [begin, _INFO_STATS], [_INFO_STATS, end]

    def _booked(self, account: OwnReads, commands: Sequence[Command], sent: Sequence[object]) -> list[object] | None:
        answers, around = sent[-1], 1 + self.marks
        if isinstance(answers, ExecAbortError) and isinstance(sent[around], OutOfMemoryError):
            # A server over its limit queues nothing, but still answers and removes: what that counts is not known.
            account.lost()
            return self.exchange(commands)
        if isinstance(answers, ExecAbortError):
            return [
                _Refused(answer) if isinstance(answer, Exception) else None for answer in sent[1 + around : -1 - around]
            ]
        if isinstance(answers, REDIRECTIONS):
            return [_Refused(answers)] * len(commands)
        if not isinstance(answers, list):
            if isinstance(answers, Exception):
                raise explain(answers, self.place) from answers
            return None
        account.book(info_numbers(answers[around - 1]), info_numbers(answers[-around]))
        return answers[around:-around]

    @contextmanager
    def _holding(self, account: OwnReads) -> Iterator[None]:
        self.settle_ahead()
        if not account.lock.acquire(timeout=self.place.timeout + 1):
            raise self._frozen()
        try:
            yield
        finally:
            account.lock.release()

    def _frozen(self) -> CacheUnavailable:
        return CacheUnavailable(f"The server at {self.place} does not answer.", "It may be frozen or busy.")

    def _require_account(self) -> OwnReads:
        if self._account is None:
            raise UnsupportedAction("This server does not tell its counters.")
        return self._account

    def _connect(self) -> None:
        self._connection.connect()
        # Names and access times are a courtesy; a user without the right for them still comes in.
        self.exchange([("CLIENT", "SETNAME", CLIENT_NAME)])
        untouching, server = self.exchange([("CLIENT", "NO-TOUCH", "ON"), ("INFO", "server")])
        self.untouching = not isinstance(untouching, Exception)
        self.facts = info_texts(server) if isinstance(server, bytes) else {}
        self._account = own_reads(self.facts["run_id"]) if self.facts.get("run_id") else None
        if self._account is not None:
            refused = self.exchange([("PUBLISH", LOOKS_CHANNEL, self.facts["run_id"])])[0]
            self.marks = not isinstance(refused, Exception)
        try:
            self._accept()
        except CacheUnavailable:
            self.close()
            raise

    def _accept(self) -> None:
        """Raise CacheUnavailable for a server of the wrong kind."""
        if self.facts.get("redis_mode") == "cluster":
            raise CacheUnavailable(f"The server at {self.place} is a node of a cluster.", ALL_NODES)


@dataclass(slots=True)
class _Ahead:
    """A transaction that was sent. Its account is held until it is received."""

    account: OwnReads
    command: Command
    answers: int
    found: list[object] | CacheStudioError | None = None
    """As `_booked` tells, or why there is no answer."""


class _Refused:
    """A command that the server refused to queue."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _settled(places: Sequence[int], found: Sequence[object] | None, answers: list[object]) -> list[int]:
    """Note what was answered at these places; those to ask again: nothing ran where one was refused."""
    if found is None:
        return list(places)
    refused = {at for at, answer in zip(places, found, strict=True) if isinstance(answer, _Refused)}
    for at, answer in zip(places, found, strict=True):
        answers[at] = answer.error if isinstance(answer, _Refused) else answer
    return [at for at in places if at not in refused] if refused else []


def info_texts(info: bytes) -> dict[str, str]:
    """The lines of an INFO answer by name."""
    pairs = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}
