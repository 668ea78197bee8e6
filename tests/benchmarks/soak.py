"""The soak: the demo's five applications at a hundred times their speed beside the window, for as long as one likes.

    PYTHONPATH=.:tests python tests/benchmarks/soak.py [--seconds 288] [--speed 100] [--json FILE] [--data FOLDER]

Eight hours are 288 seconds at a hundredfold. The window has all five caches attached and shows one after the other;
memory and handles of all our processes are read twenty times. Flat means: the last third takes no more than the
first third after warming up, but for a tenth. The history is filled with forty days of samples for each cache: it
must not grow any more after the thirty that are kept. Ends with 1 when something is not flat.
"""

from __future__ import annotations

import argparse
import gc
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import awake
import footprint
import table
from attaching import attach, open_window
from event_loop import gaps, rest, until
from jobs.dashboard_redraw import sample
from servers import RedisServer
from table import Against, Row, Rule

from cache_studio.config import paths
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.tabs import DASHBOARD, ENTRIES
from cache_studio.live.history import DAY, STEPS, History
from cache_studio.services.demo import PREFIX
from cache_studio.services.standing import Phase

LOOKS = 20
WARM_UP = 10
"""Looks that are not compared: until both tabs of all five caches were made, which takes ten."""
FLAT = 1.1
MORE_HANDLES = 8
"""Files and pipes that a listing under way may have open."""
KEPT_DAYS, FILLED_DAYS = 30, 40
PLACES = {
    "json-directory": "image comparisons/cache",
    "json-file": "AI responses/ai_responses.json",
    "multi-level": "AI operations",
    "asset-cache": "media assets",
}
"""Format to where the demo has it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What all our processes take at one moment."""

    bytes: int
    handles: int
    entries: int
    """Of all attached caches."""
    gap: float
    """Seconds of the longest gap of the event loop since the look before; what a look itself takes is not in it."""
    bare_gap: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak and print its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=288.0)
    parser.add_argument("--speed", type=float, default=100.0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "cache-studio-benchmarks")
    chosen = parser.parse_args(arguments)
    chosen.data.mkdir(parents=True, exist_ok=True)
    rows = []
    print(table.head())
    with tempfile.TemporaryDirectory(prefix="soak-", dir=chosen.data, ignore_cleanup_errors=True) as name:
        os.environ |= {"CACHE_STUDIO_HOME": f"{name}/home", "HOME": name, "XDG_RUNTIME_DIR": name}
        with awake.watching():
            for row in soak(Path(name), chosen.seconds, chosen.speed):
                rows.append(row)
                print(table.line(row), flush=True)
    if chosen.json is not None:
        table.write_json(chosen.json, {**table.machine(), "size": "soak", "seconds": chosen.seconds}, rows, [])
    return int(not all(row.met for row in rows))


def soak(folder: Path, seconds: float, speed: float) -> Iterator[Row]:
    """Run the applications and the window; the rows."""
    with RedisServer() as server, open_window() as window, working(folder, server.url, speed):
        targets = [f"{format}:{folder}/{place}" for format, place in PLACES.items()]
        targets.append(f"{server.url}?format=redis-response&prefix={PREFIX}")
        for target in targets:
            attach(window, window.controller.studio.resolve(target))
        until(lambda: all(one.standing.phase is Phase.LIVE for one in window.controller.attachments), 60)
        looks = list(_looks(window, seconds))
        names = [str(one.place.target) for one in window.controller.attachments]
    yield from _rows(looks, f"{seconds:.0f} s x {speed:g}")
    yield Row(
        "soak: longest gap of the event loop",
        "",
        max(look.gap for look in looks) * 1000,
        "ms",
        100.0,
        floor=Against("a bare loop", max(look.bare_gap for look in looks) * 1000),
    )
    yield _history(names)


@contextmanager
def working(folder: Path, redis_url: str, speed: float) -> Iterator[None]:
    """The five applications at work in a process of its own, until the block ends."""
    command = [sys.executable, str(Path(__file__).with_name("demo_at_speed.py")), str(folder), redis_url, str(speed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as applications:
        assert applications.stdout is not None
        assert applications.stdout.readline() == b"ready\n", "the applications did not begin"
        yield
        assert applications.poll() is None, "the applications ended too early"
        applications.communicate()


def _looks(window: MainWindow, seconds: float) -> Iterator[Look]:
    """Look twenty times, and show another cache or tab before each."""
    pages = cycle([(one, tab) for one in window.controller.attachments for tab in (ENTRIES, DASHBOARD)])
    for number in range(LOOKS):
        attachment, tab = next(pages)
        with gaps() as gap:
            window.show_cache(attachment)
            page = window.current_page()
            assert page is not None
            page.show_tab(tab)
            rest(seconds / LOOKS)
        gc.collect()
        standings = [one.standing for one in window.controller.attachments]
        assert all(standing.error is None for standing in standings), [standing.error for standing in standings]
        entries = sum(len(standing.view) for standing in standings if standing.view is not None)
        look = Look(footprint.memory(), footprint.handles(), entries, gap.longest, gap.bare)
        print(
            f"    {number + 1}: {look.bytes / 1e6:.1f} MB, {look.handles} handles, {look.entries:,} entries,"
            f" longest gap {look.gap * 1000:.0f} ms",
            file=sys.stderr,
            flush=True,
        )
        yield look


def _rows(looks: Sequence[Look], size: str) -> Iterator[Row]:
    third = (len(looks) - WARM_UP) // 3
    early, late = looks[WARM_UP : WARM_UP + third], looks[-third:]

    def of(part: Sequence[Look], name: str) -> float:
        return statistics.median(float(getattr(look, name)) for look in part)

    before = Against("first third", of(early, "bytes") / 1e6)
    yield Row("soak: memory", size, of(late, "bytes") / 1e6, "MB", FLAT, Rule.FLOOR, before)
    open_before = of(early, "handles")
    more = of(late, "handles") - open_before
    yield Row("soak: more open handles", size, more, "", MORE_HANDLES, floor=Against("first third", open_before))


def _history(names: Sequence[str]) -> Row:
    """Rows of the history after forty days to those after thirty-one."""
    file = paths.history_file()
    now = time.time() + DAY
    history = History(file, now, KEPT_DAYS)
    kept = []
    try:
        for begin, days in ((0, KEPT_DAYS + 1), (KEPT_DAYS + 1, FILLED_DAYS)):
            for name in names:
                for number in range(int(begin * DAY), int(days * DAY), max(STEPS)):
                    history.record(name, sample(now + number, number), max(STEPS))
            kept.append(_rows_in(file))
    finally:
        history.close()
    floor = Against(f"{KEPT_DAYS + 1} days", kept[0])
    return Row("soak: rows of the history", f"{FILLED_DAYS} days", kept[1], "", 1.02, Rule.FLOOR, floor)


def _rows_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        count: int = connection.execute("SELECT count(*) FROM samples").fetchone()[0]
        return count


if __name__ == "__main__":
    sys.exit(main())
