"""From the start of a process to the first paint of the window, beside a bare table window; then to the first rows."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import awake
import data
from sizes import Bench
from table import Against, Row, Rule

PROBE = Path(__file__).parent.parent / "start_probe.py"
GOAL = 1.5
"""Times a bare table window."""
ROWS_AFTER = 0.1
"""Seconds from the window to the first rows of a table in SQLite."""
ROUNDS = 2
"""For every round of the other jobs: a start is short, and its times are scattered."""


def rows(bench: Bench) -> Iterator[Row]:
    """The first paint, and the first rows after it."""
    table = data.sqlite_rows(bench.folder, bench.size.rows)
    bare, ours, after = [], [], []
    start("cache-studio")  # the modules are compiled and read once
    for _ in range(bench.size.rounds * ROUNDS):
        bare.append(start("bare")["painted"])
        ours.append(start("cache-studio")["painted"])
        moments = start("cache-studio", f"sqlite-table:{table}?table=entries")
        after.append(moments["rows"] - moments["painted"])
    floor = Against.of("a bare PySide6 table", bare)
    yield Row.of_rounds("window: first paint", "empty", ours, "s", GOAL, Rule.FLOOR, floor)
    size = f"{bench.size.rows:,} rows"
    yield Row("SQLite: first rows after the window's first paint", size, statistics.median(after), "s", ROWS_AFTER)


def start(*arguments: str) -> dict[str, float]:
    """Seconds from the start of a new process to "painted" and, with a target, to "rows"."""
    environment = {**os.environ, "QT_LOGGING_RULES": "qt.qpa.*=false"}
    began = time.perf_counter()
    command = [sys.executable, str(PROBE), *arguments]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=120)
    moments: dict[str, float] = json.loads(answer.stdout)
    return {name: awake.seconds(began, moment) for name, moment in moments.items()}
