"""The stack machine that reads a pickle: state, budgets and the loop. What each opcode does is in the tables."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cache_studio.decoding.pickled.values import Collection, name_of

LARGEST_INT = 1024
"""Bytes of an integer that is still converted; longer ones are only described."""
_BURST = 2048
_MOST_CALLS = 1000


class Call(NamedTuple):
    """A call that was not made: the name called, the opcode that would call it and its byte offset."""

    name: str
    opcode: str
    at: int


class PickleFault(Exception):
    """Why reading stopped. Never leaves this package: it becomes the `problem` of what was read."""


class Finished(Exception):
    """STOP was met."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What reading one pickle may take; `largest` is the longest str or bytes that is kept (in bytes)."""

    opcodes: int = 5_000_000
    seconds: float = 3.0
    largest: int = 2**63


@dataclass(frozen=True, slots=True)
class PickleReading:
    """What was read. `end` is the offset after STOP (or of the fault), `problem` a sentence or empty.

    `calls` are all calls the owning application would call, in order, also those whose result was thrown away; at
    most 1000, `call_count` is their true number. `imports` are all names it would import, without doubles.
    """

    root: object
    end: int
    calls: tuple[Call, ...]
    call_count: int
    imports: tuple[str, ...]
    problem: str
    protocol: int


class Machine:
    """One run over `data` from `start`."""

    def __init__(self, data: bytes, start: int, budget: Budget) -> None:
        self.data = data
        self.position = self.opcode_at = start
        self.budget = budget
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.fence = 0
        """Below this index nothing may be popped: the highest mark."""
        self.memo: dict[int, object] = {}
        self.protocol = 0
        self.calls: list[Call] = []
        self.call_count = 0
        self.imports: dict[str, None] = {}
        self.oddity = ""
        """A fault that does not keep one from reading on; the first one counts."""

    def take(self, length: int) -> bytes:
        """The next `length` bytes of the pickle."""
        begin = self.position
        end = begin + length
        if length < 0 or end > len(self.data):
            raise PickleFault(f"wants {length:,} bytes, {len(self.data) - begin:,} are left")
        self.position = end
        return self.data[begin:end]

    def number(self, length: int) -> int:
        """An unsigned little-endian number of `length` bytes."""
        if length == 1 and self.position < len(self.data):  # nearly all of them
            self.position += 1
            return self.data[self.position - 1]
        return int.from_bytes(self.take(length), "little")

    def line(self) -> bytes:
        """Up to the next newline, without it."""
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise PickleFault("wants a line, but no line ends after it")
        line = self.data[self.position : end]
        self.position = end + 1
        return line

    def pop(self) -> object:
        """The top of the stack; a mark is a fault."""
        if len(self.stack) <= self.fence:
            raise PickleFault("finds nothing on the stack")
        return self.stack.pop()

    def top(self) -> object:
        """As `pop`, and it stays there."""
        if len(self.stack) <= self.fence:
            raise PickleFault("finds nothing on the stack")
        return self.stack[-1]

    def mark(self) -> None:
        """Remember this height of the stack."""
        self.fence = len(self.stack)
        self.marks.append(self.fence)

    def pop_mark(self) -> list[object]:
        """What lies above the last mark; both are gone from the stack."""
        if not self.marks:
            raise PickleFault("finds no mark on the stack")
        height = self.marks.pop()
        self.fence = self.marks[-1] if self.marks else 0
        items = self.stack[height:]
        del self.stack[height:]
        return items

    def note_call(self, target: object, opcode: str) -> None:
        """A call that the owning application would make here."""
        self.call_count += 1
        if len(self.calls) < _MOST_CALLS:
            self.calls.append(Call(name_of(target), opcode, self.opcode_at))

    def run(self, table: list[Callable[["Machine"], None]]) -> PickleReading:
        """Read until STOP, a fault or the end of the budget; never raises."""
        began = self.position
        problem = ""
        try:
            self._loop(table)
        except Finished:
            problem = self.oddity
        except PickleFault as fault:
            problem = self.oddity or self._describe(fault, began)
        return PickleReading(
            self._root(),
            self.position,
            tuple(self.calls),
            self.call_count,
            tuple(self.imports),
            problem,
            self.protocol,
        )

    def _loop(self, table: list[Callable[["Machine"], None]]) -> None:
        data, end = self.data, time.monotonic() + self.budget.seconds
        self.opcode_at = self.position
        for _ in range(self.budget.opcodes // _BURST + 1):
            for _ in range(_BURST):
                at = self.opcode_at = self.position
                try:
                    code = data[at]
                except IndexError:
                    raise PickleFault("the data ends before the pickle does") from None
                self.position = at + 1
                table[code](self)
            if time.monotonic() > end:
                raise PickleFault(f"stopped after {self.budget.seconds:g} s")
        raise PickleFault(f"stopped after {self.budget.opcodes:,} opcodes")

    def _describe(self, fault: PickleFault, began: int) -> str:
        if not self.data[began:]:
            return "Empty: no pickle at byte 0."
        code = self.data[self.opcode_at : self.opcode_at + 1]
        opcode = f"opcode {code.hex()} " if code and "stopped" not in str(fault) else ""
        return f"At byte {self.opcode_at:,}: {opcode}{fault}."

    def _root(self) -> object:
        """The result, or what a broken pickle had put together so far, put into its containers."""
        while self.marks:
            items = self.pop_mark()
            below = self.stack[-1] if len(self.stack) > self.fence else None
            if isinstance(below, Collection) and below.kind in ("list", "dict", "set"):
                below.items.extend(items)
            elif items:
                self.stack.append(Collection("unfinished", items))
        if len(self.stack) == 1:
            return self.stack[0]
        return Collection("unfinished", self.stack)
