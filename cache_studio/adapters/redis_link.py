"""What an attached Redis is asked through, be it one server or the nodes of a cluster."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import msgpack

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import Place
from cache_studio.adapters.redis_rights import Command, Rights
from cache_studio.model.seeing import Counters

_COPIED = 1 << 16
"""Longer arguments are sent as they are, not copied into one chunk with the others."""


ScriptCall: TypeAlias = tuple[Sequence[bytes], Sequence[object]]
"""Keys and arguments."""


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


def packed(commands: Sequence[Command]) -> list[bytes]:
    """Commands as they are sent, in few chunks, in a third of the time that the driver's own packing takes."""
    chunks: list[bytes] = []
    parts: list[bytes] = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for word in command:
            data = word if isinstance(word, bytes) else str(word).encode()
            if len(data) <= _COPIED:
                parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
            else:
                chunks += (b"".join((*parts, b"$%d\r\n" % len(data))), data)
                parts = [b"\r\n"]
    chunks.append(b"".join(parts))
    return chunks


def one_argument(values: Sequence[object]) -> bytes:
    """Names, texts and numbers as one argument of a script, which `cmsgpack.unpack` makes a table of.

    Each argument of its own costs both sides more than what it says.
    """
    packed: bytes = msgpack.packb(values, use_bin_type=False, unicode_errors="surrogateescape")
    return packed


@dataclass(slots=True)
class Turn:
    """The call of the adapter that is under way; the links to all nodes of a cluster share one."""

    depth: int = 0
    interrupted: bool = False


class Link(ABC):
    """The way to one attached Redis. Used by one thread, except `interrupt`; it comes back by itself after it broke."""

    entries_in_script = 200
    """How many entries one call of a script may touch."""

    def __init__(self, place: Place, turn: Turn) -> None:
        self.place = place
        self.facts: dict[str, str] = {}
        """What INFO server said at connecting; empty where INFO is not allowed."""
        self.untouching = False
        """Whether the server leaves access times alone when this connection reads (CLIENT NO-TOUCH, from 7.2)."""
        self._turn = turn

    @property
    @abstractmethod
    def rights(self) -> Rights:
        """What the user may do here."""

    @property
    def version(self) -> tuple[int, int]:
        """Version of the server; (0, 0) where it is not told."""
        found = re.match(r"(\d+)\.(\d+)", self.facts.get("redis_version", ""))
        return (int(found.group(1)), int(found.group(2))) if found else (0, 0)

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call of the adapter: what `interrupt` ends. Calls may be nested."""
        if self._turn.depth == 0:
            self._turn.interrupted = False
        self._turn.depth += 1
        try:
            yield
        finally:
            self._turn.depth -= 1

    def interrupt(self) -> None:
        """End the call in progress from another thread; it raises Cancelled. Harmless when there is none."""
        if self._turn.depth:
            self._turn.interrupted = True
            self.break_off()

    @abstractmethod
    def break_off(self) -> None:
        """Shut the connection down under the call that waits for it; from any thread."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; safe to call twice."""

    @abstractmethod
    def exchange(self, commands: Sequence[Command]) -> list[object]:
        """The answers, in order; an answer that is an error is an exception object in the list.

        Raises CacheUnavailable when the connection breaks, Cancelled after `interrupt`.
        """

    def ask(self, *command: object) -> object:
        """One answer; an error is raised as a sentence. Not for commands that count as lookups."""
        answer = self.exchange([command])[0]
        if isinstance(answer, Exception):
            raise explain(answer, self.place) from answer
        return answer

    @abstractmethod
    def everywhere(self, *command: object) -> None:
        """Have every server do it."""

    @abstractmethod
    def bracketed(self, commands: Sequence[Command]) -> list[object]:
        """Read without falsifying the hit rate: all in one transaction between two looks at the counters.

        Keep it to about 200 commands: the server serves nobody else meanwhile. Where the rights do not
        allow it, the commands are simply sent.
        """

    @abstractmethod
    def run_script(self, script: Script, calls: Sequence[ScriptCall]) -> list[object]:
        """The answers of several calls of a script, bracketed; sent in full only where the server does not know it."""

    def run_each(self, script: Script, calls: Sequence[ScriptCall]) -> list[object]:
        """The same for calls that take the server a millisecond or more: it may serve others between two of them."""
        return [answer for call in calls for answer in self.run_script(script, [call])]

    def run_ahead(self, script: Script, call: ScriptCall) -> Callable[[], object]:
        """Begin a call that changes nothing; what is returned waits for the answer. At most one is under way.

        Whatever else is asked meanwhile waits for it, too. Here: nothing begins before the answer is asked for.
        """
        return lambda: self.run_script(script, [call])[0]

    def settle_ahead(self) -> None:
        """Nobody wants the answer of what was begun."""
        return

    @abstractmethod
    def looked_up(self, hits: int, misses: int) -> None:
        """Book reads of one server that could not be bracketed."""

    @abstractmethod
    def counters(self) -> Counters:
        """Hits and misses of everybody but us since the server's counters began; empty without the rights."""

    @abstractmethod
    def info(self, section: str) -> dict[str, str]:
        """A section of INFO; empty where it is not allowed."""
