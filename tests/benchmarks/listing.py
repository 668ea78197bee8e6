"""Measures one listing as the window makes it: time to the last row, to the first rows, and the event loop's gap."""

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from PySide6.QtCore import QCoreApplication, QTimer

from cache_studio.gui.app import COLLECT_AFTER, SWITCH_SECONDS
from cache_studio.model.statistics import total
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import News, Phase
from cache_studio.services.studio import Studio

_BARE_LOOP = """
import sys, threading, time
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
longest, last = 0.0, time.perf_counter()
while not ended.is_set():
    time.sleep(0.001)
    now = time.perf_counter()
    longest, last = max(longest, now - last), now
print(longest)
"""


@dataclass(frozen=True)
class Measured:
    """Seconds, and the entries that were listed with their totals."""

    seconds: float
    first_rows: float
    longest_gap: float
    bare_gap: float
    """The longest gap of a loop that did nothing meanwhile, in a process of its own: the machine's own."""
    entries: int


def as_the_window() -> None:
    """Share the interpreter between threads, and look for garbage, as the window does."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@contextmanager
def bare_loop() -> Iterator[list[float]]:
    """A loop that only sleeps, beside the block; afterwards its longest gap is in the list."""
    found: list[float] = []
    with subprocess.Popen([sys.executable, "-c", _BARE_LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as loop:
        yield found
        answer, _ = loop.communicate()
        found.append(float(answer))


def measure_listing(target: str, expected: int, want_expiry: bool = True) -> Measured:
    """Attach `target` while an event loop beats every millisecond; until the last row is in a view with its totals."""
    application = QCoreApplication.instance() or QCoreApplication([])
    studio = Studio(follow=False)
    place = studio.resolve(target)
    first: list[float] = []
    done = Event()

    def hear(attachment: Attachment, news: News) -> None:
        view = attachment.standing.view
        if attachment.standing.error is not None or attachment.standing.phase is Phase.LIVE:
            done.set()
        if news is News.VIEW and view is not None and len(view):
            first.append(time.perf_counter())
            if view.complete:
                done.set()

    gaps = [0.0]
    last = [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now
        if done.is_set():
            application.quit()

    timer = QTimer()
    timer.setInterval(1)
    timer.timeout.connect(beat)
    timer.start()
    with bare_loop() as bare:
        began = last[0] = time.perf_counter()
        attachment = studio.attach(place, hear)
        application.exec()
        ended = time.perf_counter()
    if attachment.standing.error is not None:
        raise attachment.standing.error
    view, partial = attachment.standing.view, attachment.standing.partial
    assert view is not None
    assert view.complete, f"the listing is not complete: {partial}"
    totals = total(view, time.time())
    studio.close()
    assert totals.entries == expected, f"{totals.entries} entries instead of {expected}"
    assert not want_expiry or totals.unknown == 0, "expiry is missing"
    return Measured(ended - began, first[0] - began, max(gaps), bare[0], totals.entries)
