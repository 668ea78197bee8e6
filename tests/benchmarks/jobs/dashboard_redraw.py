"""Drawing the Dashboard with thirty days of samples: what the window's thread takes for it."""

import shutil
import statistics
import time
from collections.abc import Iterator

import awake
import data
from attaching import attach, is_whole, open_window
from event_loop import rest, until
from PySide6.QtWidgets import QApplication
from sizes import Bench
from table import Row

from cache_studio.config import paths
from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.dashboard.board import board_of
from cache_studio.gui.dashboard.dashboard_tab import DashboardTab
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.tabs import DASHBOARD
from cache_studio.live.history import DAY, STEPS, History
from cache_studio.live.sampling import Sample
from cache_studio.model.seeing import Scope, Source
from cache_studio.services.attachment import Place

REDRAW_MS = 10.0
DRAWN = 20
"""Times in each round."""
PAUSE = 2.0
"""Seconds before each round, so that a second in which the machine is slow is not all that is measured."""
ENTRIES = 500


def rows(bench: Bench) -> Iterator[Row]:
    """Showing one board and painting it."""
    folder = bench.folder / "dashboard"
    shutil.rmtree(folder, ignore_errors=True)
    data.make_json_files(folder, ENTRIES)
    with open_window() as window:
        place = window.controller.studio.resolve(f"json-directory:{folder}")
        samples = remember(place, bench.size.history_days)
        page = attach(window, place)
        until(lambda: is_whole(page, ENTRIES))
        page.show_tab(DASHBOARD)
        tab = page.findChild(DashboardTab)
        assert tab is not None
        until(lambda: tab.board is not None)
        rest(0.5)
        taken = [took for _ in range(bench.size.rounds) for took in _redraws(window, page, tab)]
    size = f"{bench.size.history_days} days, {samples:,}"
    yield Row("dashboard: redraw", size, statistics.median(taken), "ms", REDRAW_MS)
    shutil.rmtree(folder, ignore_errors=True)


def remember(place: Place, days: int) -> int:
    """Fill the history of a cache as it is after so many days of sampling; how many samples."""
    now = time.time()
    history = History(paths.history_file(), now - days * DAY, days)
    try:
        count, at = 0, now - days * DAY
        while at < now - STEP:
            count += 1
            history.record(str(place.target), sample(at, count), _spacing(now - at))
            at += _spacing(now - at)
    finally:
        history.close()
    return count


STEP = min(STEPS)


def _spacing(age: float) -> float:
    """Seconds between two samples that are kept after so long."""
    return next((float(step) for step in sorted(STEPS) if age <= STEPS[step]), float(max(STEPS)))


def sample(at: float, number: int) -> Sample:
    """A sample in which every figure moves with `number`."""
    return Sample(
        at=at,
        hits=number * 7 + number % 5,
        misses=number * 3,
        source=Source.RECORDED,
        scope=Scope.CACHE,
        entries=ENTRIES + number % 90,
        fresh=ENTRIES,
        stale=number % 90,
        forever=0,
        unknown=0,
        size=1_000_000 + number % 1_000,
        stale_size=number % 1_000,
        volume=2_000_000 + number % 5_000,
        reclaimable=number % 400,
        stored=number % 9,
        removed=number % 8,
    )


def _redraws(window: MainWindow, page: CachePage, tab: DashboardTab) -> Iterator[float]:
    """Milliseconds of the window's thread for each board that is shown and painted."""
    rest(PAUSE)
    charts = tab.charts
    assert charts is not None
    monitor = window.controller.studio.monitor
    for number in range(DRAWN):
        board = board_of(page.attachment, monitor, 30 * DAY, time.time() + number)
        QApplication.processEvents()
        began = time.perf_counter()
        charts.show_board(board)
        QApplication.processEvents()
        yield awake.seconds(began, time.perf_counter()) * 1000
