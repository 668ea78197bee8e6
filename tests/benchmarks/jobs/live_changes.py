"""From a change on disk to the changed row at a thousand changes a second; bursts; a big file that changes on and on.

The writer is a process of its own. A change is an entry written beside its place and renamed into it, as
applications do it.
"""

import ctypes
import math
import os
import select
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import awake
import data
import load
import numpy as np
from attaching import arrive, attach, detach, is_whole, open_window
from event_loop import rest, until
from sizes import Bench
from table import Against, Row

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.item_models.entry_rows import EntryRows
from cache_studio.gui.main_window import MainWindow

WRITER = Path(__file__).parent.parent / "change_writer.py"
RATE = 1_000
ROW_MS = 250.0
SHARE = 20.0
"""Per cent of a core that listing a big file again and again may cost."""
TOUCH_EVERY = 0.5
WRITTEN = 1
"""Where the time of writing stands in the stamp of a file."""
LAST_SHOWN = 1.0
"""Seconds in which the last changes are shown, or are late."""
SETTLE = 120.0
"""Seconds in which everything must be exact after the last change."""


class Change(NamedTuple):
    """One change, as the writer noted it: the file, its time of writing, and when it was done (`time.perf_counter`)."""

    name: str
    written: int
    at: float


def rows(bench: Bench) -> Iterator[Row]:
    """Latency, a burst while the window is held, and the cost of a big file that changes."""
    folder = bench.folder / "live"
    with open_window() as window:
        yield from _steady(window, bench, folder)
        yield _burst(window, bench, folder)
        yield _big_file(window, bench)


def _fresh(folder: Path, count: int) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    data.make_json_files(folder, count)
    return f"json-directory:{folder}"


def _writer(folder: Path, entries: range, changes: int, rate: float) -> subprocess.Popen[str]:
    span = (str(entries.start), str(len(entries)))
    command = [sys.executable, str(WRITER), str(folder), *span, str(changes), str(rate)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _steady(window: MainWindow, bench: Bench, folder: Path) -> Iterator[Row]:
    count, changes = bench.size.live_files, round(RATE * bench.size.seconds)
    page, _ = arrive(window, _fresh(folder, count), count)
    shown: list[tuple[float, EntryRows]] = []
    page.entries.feed.listed.connect(lambda listing: shown.append((time.perf_counter(), listing)))
    with _writer(folder, range(count), changes, RATE) as writer:
        assert writer.stdout is not None
        # What it prints must not fill the pipe: it prints when all is done.
        until(lambda: writer.poll() is not None or _is_readable(writer))
        rest(LAST_SHOWN)  # to take in what it prints holds the window's thread
        noted = [Change(name, int(written), float(at)) for name, written, at in map(str.split, writer.stdout)]
    assert len(noted) == changes, f"{len(noted)} changes of {changes}"
    differ = _settle(page, folder)
    late = sorted(latencies(noted, shown))
    size = f"{count:,} files, {RATE:,}/s"
    seen = [one for one in late if math.isfinite(one)]
    middle = Against("median", statistics.median(seen) if seen else math.inf)
    worst = late[math.ceil(len(late) * 0.99) - 1]
    yield Row("live: change on disk to changed row, 99 %", size, worst, "ms", ROW_MS, floor=middle)
    yield Row("live: rows that differ from the disk afterwards", size, differ, "", 0)
    span = awake.seconds(noted[0].at, noted[-1].at)
    yield Row("live: changes a second that the writer fell short of", size, max(0, RATE - len(noted) / span), "", 100)
    detach(window, page)


def latencies(noted: list[Change], shown: list[tuple[float, EntryRows]]) -> list[float]:
    """Milliseconds from each change to the first listing that shows it or a younger one of the file; inf for never.

    A listing shows a change when its row has the time of writing of this change or of a later one. A changed entry
    has a new row, so only rows that were not there before are looked at; an index would tell of later ones.
    """
    changes: dict[str, list[Change]] = {}
    for change in noted:
        changes.setdefault(change.name, []).append(change)
    numbers = {name: {change.written: at for at, change in enumerate(each)} for name, each in changes.items()}
    done = dict.fromkeys(changes, 0)
    spans: list[tuple[float, float]] = []
    epoch, known = -1, 0
    for moment, listing in shown:
        view, listed = listing.view, listing.listing.rows
        new = listed[listed >= known] if view.epoch == epoch else listed
        epoch, known = view.epoch, view.n
        for row in new.tolist():
            name = str(view.ids[row])
            at = numbers.get(name, {}).get(view.stamp(row)[WRITTEN], -1)
            while at >= 0 and done[name] <= at:
                spans.append((changes[name][done[name]].at, moment))
                done[name] += 1
    late = awake.between(*np.array(spans).reshape(-1, 2).T)
    return [*(np.maximum(0.0, late) * 1000).tolist(), *[math.inf] * (len(noted) - len(spans))]


def _burst(window: MainWindow, bench: Bench, folder: Path) -> Row:
    """A burst while the program is held: the queue of the system overflows, and the end must be exact all the same."""
    count = bench.size.live_files
    page, _ = arrive(window, _fresh(folder, count), count)
    with _writer(folder, range(count // 2, count // 2 + bench.size.burst), bench.size.burst, math.inf) as writer:
        assert writer.stdout is not None
        # A call that does not give the interpreter away, until the writer has something to say at its end.
        ctypes.PyDLL(None).read(writer.stdout.fileno(), ctypes.create_string_buffer(1), 1)
        writer.stdout.read()
    differ = _settle(page, folder)
    detach(window, page)
    return Row("live: rows that differ after a burst into a held window", f"{bench.size.burst:,} files", differ, "", 0)


def _settle(page: CachePage, folder: Path) -> float:
    """Wait until the table shows what is on disk; how many rows differ when it does not in time."""
    disk = {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(folder) if entry.name.endswith(".json")}

    def differing() -> int:
        shown = page.entries.feed.shown
        assert shown is not None
        view = shown.view
        listed = {view.ids[row]: view.stamp(row)[WRITTEN] for row in shown.listing.rows.tolist()}
        return sum(listed.get(name) != written for name, written in disk.items()) + len(listed.keys() - disk.keys())

    deadline = time.monotonic() + SETTLE
    while (left := differing()) and time.monotonic() < deadline:
        rest(0.25)
    return left


def _big_file(window: MainWindow, bench: Bench) -> Row:
    """Processor time while one JSON file changes all the time."""
    entries = bench.size.file_entries
    kept = data.json_file(bench.folder, entries)
    file = bench.folder / "changing.json"
    shutil.copyfile(kept, file)
    page = attach(window, window.controller.studio.resolve(f"json-file:{file}"))
    until(lambda: is_whole(page, entries))
    end = time.monotonic() + max(1.0, 2 * bench.size.seconds)
    with load.share() as share, file.open("r+b") as out:
        while time.monotonic() < end:
            out.seek(0)
            out.write(b"{")  # what stands there
            out.flush()
            rest(TOUCH_EVERY)
    detach(window, page)
    with suppress(OSError):
        file.unlink()
    size = f"{kept.stat().st_size / 1e6:.0f} MB"
    return Row("live: processor share of a JSON file that changes", size, share.percent, "%", SHARE)


def _is_readable(writer: subprocess.Popen[str]) -> bool:
    return bool(select.select([writer.stdout], [], [], 0)[0])
