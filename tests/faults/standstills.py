"""When the machine itself stood still: a virtual one is given no processor for a third of a second now and then.

A promise about milliseconds is judged without these times, which no program can do anything about. Linux.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

Span = tuple[float, float]
"""Begin and end by `time.perf_counter`, which all processes of a machine share."""
_STEP = 0.002
_LATE = 0.010
"""A process that asked for nothing but to be woken, and is woken so much later, was held up by the machine."""
_FORK = multiprocessing.get_context("fork")


class Standstills:
    """The times in which a processor did not even wake a sleeper; filled when `watched` ends."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def seconds_without(self, span: Span) -> float:
        """How long something took, less the time within it in which the machine stood still."""
        return span[1] - span[0] - _covered(self.spans, span)

    def __str__(self) -> str:
        most = max((end - begin for begin, end in self.spans), default=0.0)
        return f"the machine stood still {len(self.spans)} times meanwhile, up to {most * 1000:.0f} ms: not counted"


@contextmanager
def watched() -> Iterator[Standstills]:
    """Watch every processor while the block runs."""
    found = Standstills()
    pipes: list[Connection] = []
    processes = []
    for processor in sorted(os.sched_getaffinity(0)):
        here, there = _FORK.Pipe()
        process = _FORK.Process(target=_sleep_here, args=(processor, there), daemon=True)
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    try:
        yield found
    finally:
        for pipe in pipes:
            with suppress(OSError, EOFError):
                pipe.send("end")
                found.spans += pipe.recv()
            pipe.close()
        for process in processes:
            process.join()
        found.spans = _joined(found.spans)


def _sleep_here(processor: int, answer: Connection) -> None:
    os.sched_setaffinity(0, {processor})
    spans: list[Span] = []
    before = time.perf_counter()
    while not answer.poll(_STEP):
        now = time.perf_counter()
        if now - before > _STEP + _LATE:
            spans.append((before + _STEP, now))
        before = time.perf_counter()
    answer.send(spans)


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _covered(spans: Sequence[Span], span: Span) -> float:
    return sum(max(0.0, min(end, span[1]) - max(begin, span[0])) for begin, end in spans)
