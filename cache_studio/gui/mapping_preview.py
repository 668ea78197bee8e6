"""The first ten entries as the options of the attach dialog would list them, renewed while one changes a field."""

import time
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from cache_studio.gui.look.text import display_text, plain_label, tooltip_text, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import Target
from cache_studio.model.units import format_age, format_count, format_size, format_ttl
from cache_studio.services.mapping_preview import PreviewRow, preview

SETTLE_MS = 350
_NOT_RECORDED = "–"
_SHOWN = 120


def _time(moment: float, now: float) -> str:
    return tr("{age} ago").format(age=format_age(now - moment)) if moment == moment else _NOT_RECORDED


def _expiry(row: PreviewRow, now: float) -> str:
    if row.expires != row.expires:
        return _NOT_RECORDED
    return tr("forever") if row.expires == float("inf") else format_ttl(row.expires - now)


Cell = Callable[[PreviewRow, float], str]
COLUMNS: tuple[tuple[str, Cell], ...] = (
    ("Key", lambda row, now: row.key),
    ("Value", lambda row, now: row.problem or row.value),
    ("TTL", _expiry),
    ("Created", lambda row, now: _time(row.created, now)),
    ("Last read", lambda row, now: _time(row.accessed, now)),
    ("Hits", lambda row, now: format_count(int(row.hits)) if row.hits == row.hits else _NOT_RECORDED),
    ("Size", lambda row, now: format_size(int(row.size)) if row.size == row.size else _NOT_RECORDED),
    ("Namespace", lambda row, now: row.namespace),
    ("Tags", lambda row, now: ", ".join(row.tags)),
)


class MappingPreview(QWidget):
    """A table of ten rows and a line that says what it is, or why there is none."""

    def __init__(self, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._task = f"mapping preview {id(self)}"
        self._target: Target | None = None
        self.message = plain_label("", "small")
        self.message.setWordWrap(True)
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName(tr("The first entries"))
        self.table.setHorizontalHeaderLabels([tr(title) for title, _ in COLUMNS])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setWordWrap(False)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setStyleSheet("QTableView::item { padding: 0 5px; }")
        self.table.setShowGrid(False)
        self.table.setColumnWidth(0, 180)
        self.table.setColumnWidth(1, 180)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.message)
        column.addWidget(self.table, 1)
        column.addStretch(0)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)

    def show_target(self, target: Target | None) -> None:
        """Preview this soon; a later call replaces it. A server is asked nothing, and None shows nothing."""
        self._target = target
        is_server = target is not None and target.is_url
        self.table.setHidden(is_server)
        if target is None or is_server:
            self.stop()
            self._fill([])
            self.message.setText(tr("What a server holds is shown once it is attached.") if is_server else "")
            return
        self._timer.start(SETTLE_MS)

    def stop(self) -> None:
        """Want no answer any more."""
        self._timer.stop()
        self._tasks.drop(self._task)

    def _look(self) -> None:
        target = self._target
        if target is None:
            return
        self.message.setText(tr("Reading the first entries…"))
        self._tasks.run(self._task, lambda _stop: preview(target), self._show, self._refuse)

    def _show(self, rows: list[PreviewRow]) -> None:
        self._fill(rows)
        count = format_count(len(rows))
        words = tr("The first {n} entries as they would be listed.").replace("{n}", count)
        self.message.setText(words if rows else tr("With these options no entry is listed."))

    def _refuse(self, error: CacheStudioError) -> None:
        self._fill([])
        self.message.setText(display_text(f"{error.message} {error.hint}".strip(), 400))

    def _fill(self, rows: list[PreviewRow]) -> None:
        now = time.time()
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for place, (_title, cell) in enumerate(COLUMNS):
                text = cell(row, now)
                item = QTableWidgetItem(display_text(text, _SHOWN))
                item.setToolTip(tooltip_text(text))
                if place not in (0, 1):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
                self.table.setItem(number, place, item)
