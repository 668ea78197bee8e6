"""A value as an HTTP response: status, request, age and freshness that tick, headers, and the body by its type."""

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QScrollArea, QSplitter, QVBoxLayout, QWidget

from cache_studio.decoding.views.lines import body_notes, http_lines, http_warnings, status_words
from cache_studio.decoding.views.shapes import HttpView
from cache_studio.gui.dock.body_view import BodyView, PreparedBody
from cache_studio.gui.dock.fact_grid import FactGrid, wrappable_words
from cache_studio.gui.look.text import display_text, plain_label, tr

_URL_SHOWN = 1_000
_HEADER_SHOWN = 600
_TICK_MS = 1000


class HttpPanel(QSplitter):
    """The head of a response over its body; `text` is what is copied."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._clock = clock
        self._view: HttpView | None = None
        self._prepared: PreparedBody | None = None
        self._status, self._request = plain_label("", "title"), plain_label("", "mono")
        self._origin = plain_label("", "source")
        self._request.setWordWrap(True)
        self._request.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._warnings, self._notes = plain_label("", "small"), plain_label("", "small")
        self._warnings.setProperty("tone", "warn")
        self._notes.setProperty("tone", "plain")
        for label in (self._warnings, self._notes):
            label.setWordWrap(True)
        self.facts, self.body = FactGrid(), BodyView()
        self._headers_title = plain_label(tr("Headers"), "note")
        self._headers = QGridLayout()
        self._headers.setHorizontalSpacing(8)
        self._headers.setVerticalSpacing(4)
        self._headers.setColumnStretch(1, 1)
        self._labels: list[QLabel] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.tick)
        self.setAccessibleName(tr("Value as an HTTP response"))
        self.setChildrenCollapsible(False)
        self.setHandleWidth(1)
        self.addWidget(self._head())
        self.addWidget(self.body)
        self.setStretchFactor(0, 1)
        self.setStretchFactor(1, 1)
        self.setSizes([1000, 1000])

    def show_response(self, view: HttpView, prepared: PreparedBody | None) -> None:
        """Show a response; without a body there is only its head."""
        self._view, self._prepared = view, prepared
        self._status.setText(display_text(status_words(view), 200))
        self._origin.setText(display_text(view.origin, 80))
        request = f"{view.method} {view.url}".strip()
        self._request.setText(wrappable_words(display_text(request, _URL_SHOWN)))
        self._request.setVisible(bool(request))
        for label, notes in ((self._warnings, http_warnings(view)), (self._notes, body_notes(view))):
            label.setText("\n".join(display_text(note, 300) for note in notes))
            label.setVisible(bool(notes))
        self._show_headers(view.headers)
        self.body.setVisible(prepared is not None)
        if prepared is not None:
            self.body.show_body(prepared)
        self.tick()

    def tick(self) -> None:
        """Show age and freshness as they are now."""
        if self._view is not None:
            self.facts.show_lines(http_lines(self._view, self._clock()))

    def text(self) -> str:
        """The response as text: status line, headers, body."""
        if self._view is None:
            return ""
        view, decoded = self._view, None if self._prepared is None else self._prepared.body.decoded
        lines = [f"{view.method} {view.url}".strip(), f"{view.version} {status_words(view)}".strip()]
        lines += [f"{name}: {value}" for name, value in view.headers]
        lines += ["", decoded.text] if decoded is not None and decoded.text is not None else []
        return "\n".join(lines).strip("\n")

    def find_text(self, text: str, step: int) -> tuple[int, int]:
        """Find in the body."""
        return self.body.find_text(text, step)

    def header_texts(self) -> list[str]:
        """The labels of the headers as shown: name, value, name, value..."""
        return [label.text().replace("\u200b", "") for label in self._labels]

    def sizeHint(self) -> QSize:
        """As much as there is."""
        return QSize(280, 420)

    def showEvent(self, event: QShowEvent) -> None:
        """Tick on screen only."""
        self.tick()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest off screen."""
        self._timer.stop()

    def _head(self) -> QScrollArea:
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(16, 2, 12, 10)
        layout.setSpacing(8)
        for widget in (self._status, self._request, self._warnings, self.facts, self._notes, self._headers_title):
            layout.addWidget(widget)
        layout.addLayout(self._headers)
        layout.addWidget(self._origin)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(96)
        area.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        return area

    def _show_headers(self, headers: Sequence[tuple[str, str]]) -> None:
        for label in self._labels:
            self._headers.removeWidget(label)
            label.hide()
            label.deleteLater()
        self._labels = []
        self._headers_title.setVisible(bool(headers))
        for row, (name, value) in enumerate(headers):
            for column, (text, role) in enumerate(((name, "mono-note"), (value, "mono"))):
                label = plain_label(wrappable_words(display_text(text, _HEADER_SHOWN)), role)
                label.setWordWrap(True)
                label.setMinimumWidth(40)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._headers.addWidget(label, row, column, Qt.AlignmentFlag.AlignTop)
                self._labels.append(label)
