"""How long somebody else waits for the write lock of a SQLite database: an application that stores meanwhile.

Run as a program with a database it asks for the lock again and again until its input ends, and prints beginning and
end of every wait.
"""

import json
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import awake
import numpy as np

ASK_AGAIN = 0.0005
"""Seconds between two tries while it is locked: the handler of SQLite sleeps up to 0.1 s, which would be counted."""
PAUSE = 0.005
"""Seconds between two writes of the application."""


@dataclass
class LockWaits:
    """Seconds; known when the block has ended."""

    waits: list[float] = field(default_factory=list)


@contextmanager
def waits_beside(database: Path) -> Iterator[LockWaits]:
    """Another process that wants the lock while the block runs."""
    found = LockWaits()
    command = [sys.executable, __file__, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        asking.stdout.readline()  # it has begun
        yield found
        answer, _ = asking.communicate()
        began, ended = np.array(json.loads(answer)).reshape(-1, 2).T
        found.waits = awake.between(began, ended).tolist()


def _ask(database: str) -> list[tuple[float, float]]:
    waits = []
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        print("begun", flush=True)
        while not select.select([sys.stdin], [], [], PAUSE)[0]:
            began = time.perf_counter()
            while not _had_it(connection):
                time.sleep(ASK_AGAIN)
            waits.append((began, time.perf_counter()))
    return waits


def _had_it(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    connection.execute("ROLLBACK")
    return True


if __name__ == "__main__":
    print(json.dumps(_ask(sys.argv[1])))
