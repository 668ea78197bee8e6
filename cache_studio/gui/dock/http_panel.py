"""A value as an HTTP response: status, request, age and freshness that tick, and headers or the body by its type."""

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from cache_studio.decoding.nodes import Node
from cache_studio.decoding.views.lines import body_notes, http_lines, http_warnings, status_words
from cache_studio.decoding.views.shapes import HttpView
from cache_studio.gui.dock.body_view import BodyView, PreparedBody
from cache_studio.gui.dock.fact_grid import FactGrid, wrappable_words
from cache_studio.gui.dock.tree_view import TreeView
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.segmented import SegmentedButtons

BODY, HEADERS = "Body", "Headers"
"""The lower parts, by the words on their buttons."""
_URL_SHOWN = 1_000
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
        self._status.setWordWrap(True)
        self._request.setWordWrap(True)
        self._request.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._warnings, self._notes = plain_label("", "small"), plain_label("", "small")
        self._warnings.setProperty("tone", "warn")
        self._notes.setProperty("tone", "plain")
        for label in (self._warnings, self._notes):
            label.setWordWrap(True)
        self.facts, self.body = FactGrid(), BodyView()
        self.headers = TreeView()
        self.headers.setAccessibleName(tr("Headers"))
        self.parts = SegmentedButtons(tr("Part of the response"), (BODY, HEADERS))
        self.parts.chosen.connect(self.choose_part)
        self._part = BODY
        self._lower = QStackedWidget()
        for view in (self.body, self.headers):
            self._lower.addWidget(view)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.tick)
        self.setAccessibleName(tr("Value as an HTTP response"))
        self.setChildrenCollapsible(False)
        self.setHandleWidth(1)
        self.addWidget(self._head())
        self.addWidget(self._lower)
        self.setStretchFactor(0, 1)
        self.setStretchFactor(1, 1)
        self.setSizes([1000, 1000])

    def show_response(self, view: HttpView, prepared: PreparedBody | None) -> None:
        """Show a response; without a body there is only its head."""
        self._view, self._prepared = view, prepared
        self._status.setText(wrappable_words(display_text(status_words(view), 200)))
        self._origin.setText(display_text(view.origin, 80))
        request = f"{view.method} {view.url}".strip()
        self._request.setText(wrappable_words(display_text(request, _URL_SHOWN)))
        self._request.setVisible(bool(request))
        for label, notes in ((self._warnings, http_warnings(view)), (self._notes, body_notes(view))):
            label.setText("\n".join(display_text(note, 300) for note in notes))
            label.setVisible(bool(notes))
        self.headers.show_tree(header_tree(view))
        self.parts.set_available(BODY, prepared is not None)
        if prepared is not None:
            self.body.show_body(prepared)
        self._show_part(self._part if prepared is not None else HEADERS)
        self.tick()

    def choose_part(self, name: str) -> None:
        """Show body or headers, and begin with them next time."""
        self._part = name
        self._show_part(name)

    def _show_part(self, name: str) -> None:
        self.parts.choose(name)
        self._lower.setCurrentWidget(self.body if name == BODY else self.headers)

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
        """Find in the part that is shown."""
        shown = self.body if self._lower.currentWidget() is self.body else self.headers
        return shown.find_text(text, step)

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
        layout.setContentsMargins(16, 2, 12, 8)
        layout.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._status, 1)
        row.addWidget(self.parts)
        layout.addLayout(row)
        for widget in (self._request, self._warnings, self.facts, self._notes, self._origin):
            layout.addWidget(widget)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(96)
        area.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        return area


def header_tree(view: HttpView) -> Node:
    """A line a header; those of the request in a branch of their own."""
    nodes = _header_nodes(view.headers)
    if view.request_headers:
        count = len(view.request_headers)
        nodes.append(Node("object", tr("of the request"), count=count, children=_header_nodes(view.request_headers)))
    return Node("object", count=len(nodes), children=nodes or [Node("null", "", tr("no headers"))])


def _header_nodes(headers: Sequence[tuple[str, str]]) -> list[Node]:
    return [Node("array", name, value or tr("empty")) for name, value in headers]
