"""What share of a core processes take, from slices of time in which the machine was there all the time (`awake.py`).

Run as a program with a process id it notes, until its input ends, every `SLICE` seconds what processor time the
process and the children it works in have taken, and prints all notes. Linux.
"""

import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import awake
import footprint
import numpy as np
import psutil

SLICE = 0.1
THERE = 0.95
"""The part of a slice in which the machine must have been there: the kernel charges the rest to whoever ran."""
FEWEST = 20
"""Slices; with fewer of them all others count, too."""
LOOK_FOR_CHILDREN = 10
"""Slices between two looks for new children."""


@dataclass
class Share:
    """Per cent of a core; known when the block has ended."""

    percent: float = 0.0


@contextmanager
def share(pid: int | None = None) -> Iterator[Share]:
    """The share of a process and its children while the block runs; of this one by default."""
    found = Share()
    command = [sys.executable, __file__, str(psutil.Process(pid).pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watcher:
        assert watcher.stdout is not None
        watcher.stdout.readline()  # it has begun
        yield found
        answer, _ = watcher.communicate()
        found.percent = percent(json.loads(answer))


def percent(notes: list[tuple[float, float]]) -> float:
    """Of notes of a moment and the processor seconds until then."""
    moments, spent = np.array(notes).T
    began, ended, spent = moments[:-1], moments[1:], np.diff(spent)
    there = awake.between(began, ended) >= THERE * (ended - began)
    if there.sum() < FEWEST:
        there[:] = True
    return float(spent[there].sum() / (ended - began)[there].sum() * 100)


def _note(pid: int) -> list[tuple[float, float]]:
    notes: list[tuple[float, float]] = []
    spent: dict[int, float] = {}
    print("begun", flush=True)
    while not select.select([sys.stdin], [], [], SLICE)[0]:
        if len(notes) % LOOK_FOR_CHILDREN == 0:
            spent |= {one.pid: spent.get(one.pid, 0.0) for one in footprint.own_processes(pid)}
        for each in spent:
            with suppress(OSError):  # it has ended
                spent[each] = time.clock_gettime(_clock_of(each))
        notes.append((time.perf_counter(), sum(spent.values())))
    return notes


def _clock_of(pid: int) -> int:
    """The clock of a process's processor time, as clock_getcpuclockid(3) makes it on Linux."""
    return ~pid << 3 | 2


if __name__ == "__main__":
    print(json.dumps(_note(int(sys.argv[1]))))
