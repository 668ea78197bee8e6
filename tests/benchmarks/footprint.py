"""What our processes take: memory and handles of the window and of its children. Linux.

Run as a program with a process id it prints, when its input ends, the most memory those processes had together.
"""

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

EVERY = 0.02
"""Seconds between two looks at the memory; each takes milliseconds of the process that is looked at."""


@dataclass
class Peak:
    """Bytes; known when the block has ended."""

    most: int = 0


def own_processes(pid: int | None = None) -> list[psutil.Process]:
    """The window's process and the children it works in; not servers, floors and what else a benchmark starts."""
    window = psutil.Process(pid)
    found = [window]
    for child in window.children(recursive=True):
        with suppress(psutil.Error):
            if "--child" in child.cmdline():
                found.append(child)
    return found


def memory(pid: int | None = None) -> int:
    """Bytes of all our processes: what they share counts once (PSS)."""
    total = 0
    for process in own_processes(pid):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def handles() -> int:
    """Open files, sockets and pipes of our processes."""
    return sum(process.num_fds() for process in own_processes())


@contextmanager
def peak() -> Iterator[Peak]:
    """Look at the memory of our processes while the block runs, from a process of its own."""
    found = Peak()
    command = [sys.executable, __file__, str(psutil.Process().pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watcher:
        assert watcher.stdout is not None
        watcher.stdout.readline()  # it has begun
        yield found
        answer, _ = watcher.communicate()
        found.most = int(answer)


def _watch(pid: int) -> None:
    most = memory(pid)
    print("begun", flush=True)
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        most = max(most, memory(pid))
    print(most)


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
