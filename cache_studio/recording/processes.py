"""Who writes a slot: a process told apart from a later one with the same number, and whether it still lives."""

import os
import socket
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

FOREIGN_SECONDS = 86_400.0
"""A process of another machine or container cannot be asked: it counts as ended when it wrote nothing for so long."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One process: its number, when it began (system ticks, 0 unknown) and the machine (and container) it runs on."""

    pid: int
    began: int
    machine: int


NO_PROCESS = Mark(0, 0, 0)
"""Whose counts belong to ended processes."""


def own_mark() -> Mark:
    """The mark of this process."""
    pid = os.getpid()
    return Mark(pid, _began(pid) or 0, _machine())


def is_alive(mark: Mark, wrote_at: float, now: float) -> bool:
    """Whether the process of a mark still runs, as far as can be known here."""
    if mark.machine != _machine() or not sys.platform.startswith("linux"):
        return now - wrote_at < FOREIGN_SECONDS
    return _began(mark.pid) == mark.began


def _began(pid: int) -> int | None:
    """When a process began, in ticks since the system started; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[19])


def _machine() -> int:
    names = [socket.gethostname()]
    for place in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            names.append(os.readlink(place) if "/ns/" in place else Path(place).read_text())
        except OSError:
            continue
    return zlib.crc32("\n".join(names).encode())
