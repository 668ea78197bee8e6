"""Modules of Qt that are loaded after the first paint: on the window's thread, a part in each turn of its event loop.

Not on another thread: where a class of Qt is made while the event loop runs, one start of a hundred ended in a crash
of the bindings.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module

from PySide6.QtCore import QObject, QTimer, Signal

CLASSES_AT_ONCE = 60
"""Names of a module of Qt that are asked for in one part."""
CHARTS_AFTER_MS = 2_500
"""After the window has what its pages need; and again, where a cache was being read then."""
CHART_PAUSE_MS = 20
CHARTS_TAKE = (
    "PySide6.QtTest",
    "PySide6.QtOpenGL",
    "PySide6.QtOpenGLWidgets",
    "multiprocessing.connection",
    "pydoc",
    "cProfile",
    "xml.etree.ElementTree",
    "colorama",
    "importlib.resources",
)
"""What pyqtgraph imports from elsewhere: it takes less in one go when this is there. Whether it is, is its business."""
CHARTS = (
    "pyqtgraph",
    "cache_studio.gui.plots.time_plots",
    "cache_studio.gui.dashboard.charts",
    "cache_studio.gui.dashboard.dashboard_tab",
    "cache_studio.gui.activity.activity_tab",
)


class Loading(QObject):
    """Takes one part in each turn until there are no more.

    Signals:
        finished: all are there.
    """

    finished = Signal()

    def __init__(self, parts: Iterator[None], parent: QObject | None = None, pause_ms: int = 0) -> None:
        super().__init__(parent)
        self.is_done = False
        """Whether all are there."""
        self._parts = parts
        self._timer = QTimer(self)
        self._timer.setInterval(pause_ms)
        self._timer.timeout.connect(self._load_next)

    def start(self) -> None:
        """Begin with the next turn."""
        self._timer.start()

    def _load_next(self) -> None:
        if next(self._parts, self) is self:
            self._timer.stop()
            self.is_done = True
            self.finished.emit()


class ChartLoading(QObject):
    """Loads the charts while nothing is read, so that the first Dashboard opens without a stop."""

    def __init__(self, is_reading: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._is_reading = is_reading
        self._loading = Loading(charts(), self, CHART_PAUSE_MS)
        self._wait = QTimer(self)
        self._wait.setInterval(CHARTS_AFTER_MS)
        self._wait.timeout.connect(self._begin)

    @property
    def is_done(self) -> bool:
        """Whether they are there."""
        return self._loading.is_done

    def start(self) -> None:
        """Begin after CHARTS_AFTER_MS."""
        self._wait.start()

    def _begin(self) -> None:
        if not self._is_reading():
            self._wait.stop()
            self._loading.start()


def modules(names: Sequence[str]) -> Iterator[None]:
    """Import these in this order, one a part."""
    for name in names:
        import_module(name)
        yield


def charts() -> Iterator[None]:
    """What the charts need. First the classes of Qt, which PySide makes when they are first asked for: pyqtgraph asks
    for all of them in one go.
    """
    for name in ("PySide6.QtCore", "PySide6.QtGui", "PySide6.QtWidgets"):
        module = import_module(name)
        for at, word in enumerate(dir(module)):
            getattr(module, word)
            if at % CLASSES_AT_ONCE == 0:
                yield
    for name in CHARTS_TAKE:
        with suppress(ImportError):
            import_module(name)
        yield
    yield from modules(CHARTS)
