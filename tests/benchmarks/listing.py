"""Measures one listing as the window makes it: time to the last row, to the first rows, and the event loop's gap."""

import time
from dataclasses import dataclass
from threading import Event

from PySide6.QtCore import QCoreApplication, QTimer

from cache_studio.model.statistics import total
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import News
from cache_studio.services.studio import Studio


@dataclass(frozen=True)
class Measured:
    """Seconds, and the entries that were listed with their totals."""

    seconds: float
    first_rows: float
    longest_gap: float
    entries: int


def measure_listing(target: str, expected: int, want_expiry: bool = True) -> Measured:
    """Attach `target` while an event loop beats every millisecond; until the last row is in a view with its totals."""
    application = QCoreApplication.instance() or QCoreApplication([])
    studio = Studio(follow=False)
    place = studio.resolve(target)
    first: list[float] = []
    done = Event()

    def hear(attachment: Attachment, news: News) -> None:
        view = attachment.standing.view
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
    began = last[0] = time.perf_counter()
    attachment = studio.attach(place, hear)
    application.exec()
    ended = time.perf_counter()
    view = attachment.standing.view
    assert view is not None
    totals = total(view, time.time())
    studio.close()
    assert totals.entries == expected, f"{totals.entries} entries instead of {expected}"
    assert not want_expiry or totals.unknown == 0, "expiry is missing"
    return Measured(ended - began, first[0] - began, max(gaps), totals.entries)
