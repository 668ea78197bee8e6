"""Time without the moments in which the machine itself stood still.

A virtual machine gets no processor for tenths of a second at a time, whatever runs in it. While `watching`, one
process for each core, of real-time priority, sleeps a millisecond again and again: nothing here can hold it up, so
where every one of them wakes far too late, at the same time, the machine was not there. That time is taken out of
what is measured, of floors, peers and ours alike. Moments are those of `time.perf_counter`, which on Linux all
processes share. Where nobody watches (no right to real-time priority, another system) time is what the clock says.
"""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

LOG = "CACHE_STUDIO_BENCH_AWAKE"
"""The folder with one log for each core, for this process and its children."""
BEAT = 0.001
LATE = 0.002
"""Seconds between two beats from which on the core is taken to have stood still."""
MOST_CORES = 8
"""A machine with more is not expected to stand still as a whole, but of these all must."""
ROOM = 2_000_000
"""Late beats that a log has room for; the file is sparse."""
MOST_MS = 100.0
"""The longest gap that is allowed to the window; where the machine alone makes longer ones, no time says anything."""
_HEAD = 2

Moments = np.ndarray[tuple[int], np.dtype[np.float64]]


def seconds(began: float, ended: float) -> float:
    """Seconds from one moment to another in which the machine was there."""
    return float(between(np.array([began]), np.array([ended]))[0])


def between(began: Moments, ended: Moments) -> Moments:
    """The same for many pairs of moments."""
    if len(began) == 0:
        return began
    edges, stood = _stood_still(float(ended.max()))
    passed = ended - began
    return passed - (np.interp(ended, edges, stood) - np.interp(began, edges, stood)) if len(edges) else passed


def longest(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds of the longest of these spans; 0 where there is none."""
    if not spans:
        return 0.0
    began, ended = np.array(spans).T
    return float(between(began, ended).max())


def took(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return seconds(began, time.perf_counter())


def is_watched() -> bool:
    """Whether time in which the machine stands still is taken out."""
    return LOG in os.environ


@contextmanager
def watching() -> Iterator[bool]:
    """Watch every core while the block runs; whether that can be done here."""
    cores = sorted(os.sched_getaffinity(0))[:MOST_CORES] if hasattr(os, "sched_getaffinity") else []
    with tempfile.TemporaryDirectory(prefix="cache-studio-awake-") as folder:
        watchers = [_watcher(Path(folder), core) for core in cores]
        try:
            begun = [watcher.stdout is not None and watcher.stdout.readline() == b"begun\n" for watcher in watchers]
            if begun and all(begun):
                os.environ[LOG] = folder
            yield is_watched()
        finally:
            os.environ.pop(LOG, None)
            for watcher in watchers:
                watcher.communicate()


def _watcher(folder: Path, core: int) -> subprocess.Popen[bytes]:
    log = folder / f"{core}.log"
    with log.open("wb") as file:
        file.truncate((_HEAD + 2 * ROOM) * 8)
    return subprocess.Popen(
        [sys.executable, __file__, str(log), str(core)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _stood_still(until: float) -> tuple[Moments, Moments]:
    """Edges of the times in which no core woke, ascending, and how long the machine had stood still at each."""
    if not is_watched():
        return np.empty(0), np.empty(0)
    logs = sorted(Path(os.environ[LOG]).glob("*.log"))
    began, ended = _common([_late_beats(log, until) for log in logs])
    edges, stood = np.empty(2 * len(began)), np.zeros(2 * len(began))
    edges[::2], edges[1::2] = began, ended
    stood[1::2] = np.cumsum(ended - began)
    stood[2::2] = stood[1:-1:2]
    return edges, stood


def _late_beats(log: Path, until: float) -> Moments:
    """Pairs of moments between which a core did not wake, of shape (n, 2), when it has woken after this moment."""
    written = np.memmap(log, np.float64, "r")
    while written[0] < until:
        time.sleep(BEAT)
    return np.array(written[_HEAD : _HEAD + 2 * int(written[1])]).reshape(-1, 2)


def _common(cores: Sequence[Moments]) -> tuple[Moments, Moments]:
    """Beginnings and ends of what all of them have in common."""
    began, ended = cores[0].T
    for other in cores[1:]:
        # Each span of the one with every span of the other that it meets: the first that ends after its beginning...
        first = np.searchsorted(other[:, 1], began, "right")
        after = np.searchsorted(other[:, 0], ended, "left")  # ...to the last that begins before its end.
        met = np.maximum(after - first, 0)
        here = np.repeat(np.arange(len(began)), met)
        there = np.arange(met.sum()) - np.repeat(np.cumsum(met) - met, met) + np.repeat(first, met)
        began, ended = np.maximum(began[here], other[there, 0]), np.minimum(ended[here], other[there, 1])
    return began, ended


def stand_still_ms(looks: int = 5, each: float = 1.0) -> float:
    """Milliseconds: the median of the longest gaps of a loop that only sleeps, one of each look of so many seconds."""
    return statistics.median(longest(list(_spans(each))) for _ in range(looks)) * 1000


def _spans(duration: float) -> Iterator[tuple[float, float]]:
    last = time.perf_counter()
    end = last + duration
    while last < end:
        time.sleep(0.001)
        now = time.perf_counter()
        yield last, now
        last = now


def _watch(log: Path, core: int) -> None:
    os.sched_setaffinity(0, {core})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    written = np.memmap(log, np.float64, "r+")
    noted = 0
    last = written[0] = time.perf_counter()
    print("begun", flush=True)
    while not select.select([0], [], [], BEAT)[0]:
        now = time.perf_counter()
        if now - last > LATE and noted < ROOM:
            written[_HEAD + 2 * noted : _HEAD + 2 * noted + 2] = last, now
            noted += 1
            written[1] = noted
        last = written[0] = now


if __name__ == "__main__":
    _watch(Path(sys.argv[1]), int(sys.argv[2]))
