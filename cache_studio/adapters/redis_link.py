"""The connection of one attached Redis: commands in bulk, own reads accounted for, errors as sentences.

Commands are packed and sent on the bare connection: the driver's own pipeline costs three times the
processor time (performance.md, section 2).
"""

import hashlib
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import cast

from redis.exceptions import ExecAbortError, NoScriptError, OutOfMemoryError, RedisError, ResponseError

from cache_studio.adapters.redis_connect import connection_of
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import LINK_OPTIONS, Place, bytes_of, place_of
from cache_studio.adapters.redis_own_reads import OwnReads, info_numbers, own_reads
from cache_studio.adapters.redis_recognise import recognise_keys
from cache_studio.adapters.redis_rights import Command, Rights, find_rights
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, Cancelled, UnsupportedAction
from cache_studio.model.options import OptionValue, read_options
from cache_studio.model.seeing import Counters, Scope, Source
from cache_studio.model.targets import Target

CLIENT_NAME = "cache-studio"
_INFO_STATS: Command = ("INFO", "stats")


class Script:
    """A Lua script, sent by its name once the server knows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def by_name(self, keys: Sequence[bytes], arguments: Sequence[object]) -> Command:
        """The call that needs the server to know the script."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)

    def in_full(self, keys: Sequence[bytes], arguments: Sequence[object]) -> Command:
        """The call that carries the script."""
        return ("EVAL", self.text, len(keys), *keys, *arguments)


class Link:
    """One connection. Used by one thread, except `interrupt`; it comes back by itself after it broke."""

    def __init__(self, place: Place, probe_key: bytes) -> None:
        """Connect and find the rights; `probe_key` lies under the attached prefix and is used by nobody."""
        self.place = place
        self.facts: dict[str, str] = {}
        """What INFO server said at connecting; empty where INFO is not allowed."""
        self.untouching = False
        """Whether the server leaves access times alone when this connection reads (CLIENT NO-TOUCH, from 7.2)."""
        self._connection = connection_of(place)
        self._account: OwnReads | None = None
        self._depth = 0
        self._interrupted = False
        self._rights: Rights | None = None
        try:
            with self.call():
                self._rights = find_rights(self.exchange, probe_key, place.user)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], probe_key: bytes) -> "Link":
        """Connect to the place of a target."""
        return cls(place_of(target, options), probe_key)

    @property
    def rights(self) -> Rights:
        """What the user may do here."""
        assert self._rights is not None  # the constructor sets them or raises
        return self._rights

    @property
    def version(self) -> tuple[int, int]:
        """Version of the server; (0, 0) where it is not told."""
        found = re.match(r"(\d+)\.(\d+)", self.facts.get("redis_version", ""))
        return (int(found.group(1)), int(found.group(2))) if found else (0, 0)

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call of the adapter: what `interrupt` ends. Calls may be nested."""
        if self._depth == 0:
            self._interrupted = False
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def interrupt(self) -> None:
        """End the call in progress from another thread; it raises Cancelled. Harmless when there is none."""
        if self._depth:
            self._interrupted = True
            broken = self._connection._sock
            if broken is not None:
                with suppress(OSError):
                    broken.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        self._connection.disconnect()

    def exchange(self, commands: Sequence[Command]) -> list[object]:
        """The answers, in order; an answer that is an error is an exception object in the list.

        Raises CacheUnavailable when the connection breaks, Cancelled after `interrupt`.
        """
        connection = self._connection
        packed = connection.pack_commands(commands)
        replies: list[object] = []
        try:
            if self._interrupted:
                raise Cancelled
            if connection._sock is None:
                self._connect()
            connection.send_packed_command(packed, check_health=False)
            for _command in commands:
                try:
                    replies.append(connection.read_response(disable_decoding=True))
                except ResponseError as error:
                    replies.append(error)
        except (RedisError, OSError) as error:
            connection.disconnect()
            if self._interrupted:
                raise Cancelled from None
            raise explain(error, self.place) from error
        except BaseException:
            connection.disconnect()  # answers may still be under way: they must not be taken for the next ones
            raise
        return replies

    def ask(self, *command: object) -> object:
        """One answer; an error is raised as a sentence. Not for commands that count as lookups."""
        return self._expect(self.exchange([command])[0])

    def bracketed(self, commands: Sequence[Command]) -> list[object]:
        """Read without falsifying the hit rate: all in one transaction between two looks at the counters.

        Keep it to about 200 commands: the server serves nobody else meanwhile. Where the rights do not
        allow it, the commands are simply sent.
        """
        if not commands:
            return []
        if not self.rights.brackets:
            return self.exchange(commands)
        refused: dict[int, Exception] = {}
        for _attempt in range(2):
            answers = self._transaction([c for i, c in enumerate(commands) if i not in refused])
            if answers is not None and not any(isinstance(answer, _Refused) for answer in answers):
                rest = iter(answers)
                return [refused[i] if i in refused else next(rest) for i in range(len(commands))]
            refused = {i: answer.error for i, answer in enumerate(answers or ()) if isinstance(answer, _Refused)}
        raise CacheUnavailable(f"The server at {self.place} refused a transaction.", "Look at its ACL and log.")

    def run_script(self, script: Script, calls: Sequence[tuple[Sequence[bytes], Sequence[object]]]) -> list[object]:
        """The answers of several calls of a script, bracketed; sent in full only where the server does not know it."""
        replies = self.bracketed([script.by_name(*call) for call in calls])
        unknown = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            again = self.bracketed(
                [script.in_full(*calls[unknown[0]]), *(script.by_name(*calls[i]) for i in unknown[1:])]
            )
            for i, reply in zip(unknown, again, strict=True):
                replies[i] = reply
        return replies

    def looked_up(self, hits: int, misses: int) -> None:
        """Book reads that could not be bracketed."""
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
        return _info_texts(cast(bytes, self.ask("INFO", section)))

    def _transaction(self, commands: Sequence[Command]) -> list[object] | None:
        # The answers; or, where queueing was refused, what was refused in its place.
        if self._connection._sock is None:
            self.exchange([("PING",)])  # the account belongs to the run of the server that will answer
        account = self._require_account()
        with self._holding(account):
            try:
                sent = self.exchange([("MULTI",), _INFO_STATS, *commands, _INFO_STATS, ("EXEC",)])
            except CacheStudioError:
                account.lost()
                raise
            answers = sent[-1]
            if isinstance(answers, ExecAbortError) and isinstance(sent[1], OutOfMemoryError):
                # A server over its limit queues nothing, but still answers and removes: what that counts is not known.
                account.lost()
                return self.exchange(commands)
            if isinstance(answers, ExecAbortError):
                return [_Refused(a) if isinstance(a, Exception) else None for a in sent[2:-2]]
            if not isinstance(answers, list):
                self._expect(answers)
                return None
            account.book(info_numbers(answers[0]), info_numbers(answers[-1]))
            return answers[1:-1]

    @contextmanager
    def _holding(self, account: OwnReads) -> Iterator[None]:
        if not account.lock.acquire(timeout=self.place.timeout + 1):
            raise CacheUnavailable(f"The server at {self.place} does not answer.", "It may be frozen or busy.")
        try:
            yield
        finally:
            account.lock.release()

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
        self.facts = _info_texts(server) if isinstance(server, bytes) else {}
        self._account = own_reads(self.facts["run_id"]) if self.facts.get("run_id") else None
        if self.facts.get("redis_mode") == "cluster":
            self.close()
            raise CacheUnavailable(
                f"The server at {self.place} is a node of a cluster, which cannot be attached yet.",
                "Attach a server that stands alone.",
            )

    def _expect(self, answer: object) -> object:
        if isinstance(answer, Exception):
            raise explain(answer, self.place) from answer
        return answer


class _Refused:
    """A command that the server refused to queue."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _info_texts(info: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}


def recognise_url(target: Target) -> list[dict[str, object]]:
    """What lies at a URL, surest first: each `format`, `certainty`, `options`, `note`; looks at 1000 keys at most.

    CacheUnavailable when no server answers.
    """
    names = {option.name for option in LINK_OPTIONS}
    options = read_options(LINK_OPTIONS, {name: text for name, text in target.options.items() if name in names})
    prefix = target.options.get("prefix", "")
    with closing(Link.open(target, options, bytes_of(prefix + "cache-studio-probe"))) as link, link.call():
        return recognise_keys(link, prefix)
