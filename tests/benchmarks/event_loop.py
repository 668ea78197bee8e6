"""The event loop that is measured: one beat a millisecond, its longest gap, and what a bare loop saw meanwhile."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import awake
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from cache_studio.gui import app

LONGEST_WAIT = 600.0
SHORT = 0.003
"""Seconds: shorter gaps are not kept."""
_BARE_LOOP = """
import json, sys, threading, time
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
spans, last = [], time.perf_counter()
while not ended.is_set():
    time.sleep(0.001)
    now = time.perf_counter()
    if now - last > 0.003:
        spans.append((last, now))
    last = now
print(json.dumps(spans))
"""


@dataclass
class Gaps:
    """Seconds in which the machine was there; known when the block has ended."""

    longest: float = 0.0
    bare: float = 0.0
    """The longest gap of a loop that did nothing meanwhile, in a process of its own: the machine's own."""


def application() -> QApplication:
    """The application as the window has it, arranged as `gui.app.run` does."""
    app.arrange_process()
    return app.application(["cache-studio"])


@contextmanager
def gaps() -> Iterator[Gaps]:
    """Measure the longest gap of the event loop while the block runs it, beside a bare loop."""
    found = Gaps()
    spans: list[tuple[float, float]] = []
    last = time.perf_counter()

    def beat() -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last > SHORT:
            spans.append((last, now))
        last = now

    timer = _every_millisecond(beat)
    with subprocess.Popen([sys.executable, "-c", _BARE_LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
        last = time.perf_counter()
        yield found
        timer.stop()
        answer, _ = bare.communicate()
        found.longest, found.bare = awake.longest(spans), awake.longest(json.loads(answer))


def until(condition: Callable[[], bool], seconds: float = LONGEST_WAIT) -> None:
    """Run the event loop until the condition holds, asked at every beat; TimeoutError after so many seconds."""
    loop, deadline = QEventLoop(), time.monotonic() + seconds
    failures: list[Exception] = []

    def ask() -> None:
        try:
            if condition() or time.monotonic() > deadline:
                loop.quit()
        except Exception as error:  # raised again below: Qt would print it and go on
            failures.append(error)
            loop.quit()

    timer = _every_millisecond(ask)
    loop.exec()
    timer.stop()
    if failures:
        raise failures[0]
    if not condition():
        raise TimeoutError(f"not within {seconds:.0f} s")


def rest(seconds: float) -> None:
    """Run the event loop for so long, without any beat."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def _every_millisecond(call: Callable[[], None]) -> QTimer:
    timer = QTimer()
    timer.setInterval(1)
    timer.timeout.connect(call)
    timer.start()
    return timer
