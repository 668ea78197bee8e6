"""The first page: says what to do. Drop a cache, open one, take a discovered one, try the demo."""

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from cache_studio.gui.known_places import KnownPlaces
from cache_studio.gui.look import icons, theme
from cache_studio.gui.look.icon_paths import format_icon
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.place_rows import found_note
from cache_studio.gui.places import days_ago, name_and_folder
from cache_studio.gui.start_rows import FoundRow, RecentRow
from cache_studio.gui.widgets.buttons import IconButton, PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.cards import DropFrame

DEMO_FORMATS = ("json-directory", "json-file", "multi-level", "asset-cache", "redis")
SHOWN = 5


class IconTile(QLabel):
    """A big icon in the accent on its soft ground."""

    def __init__(self, icon: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._size = size
        self.setFixedSize(QSize(size, size))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme.theme().changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        colors = theme.colors()
        self.setStyleSheet(f"background: {colors.accent_soft}; border-radius: {8 if self._size < 56 else 12}px;")
        self.setPixmap(icons.pixmap(self._icon, colors.accent, self._size // 2, self.devicePixelRatioF()))


class DropArea(DropFrame):
    """Takes files, folders and texts that name a target.

    Signals:
        dropped(list[str]): what was dropped, each a target.
    """

    dropped = Signal(list)

    def __init__(self, buttons: Sequence[QWidget], parent: QWidget | None = None) -> None:
        super().__init__(tr("Drop a cache here"), parent)
        self.setAcceptDrops(True)
        self.setMinimumHeight(300)
        line = tr("A JSON file, an SQLite database or a folder.\nThe format is recognised; nothing is changed.")
        words = plain_label(line, "note")
        words.setStyleSheet("font-size: 13px;")
        title = plain_label(tr("Drop a cache here"), "heading")
        hint = plain_label(tr("or press Ctrl+O"), "note")
        for label in (title, words, hint):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addStretch(1)
        for button in buttons:
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.addStretch(2)
        column.addWidget(IconTile("drop", 64), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(12)
        column.addWidget(title)
        column.addWidget(words)
        column.addStretch(2)
        column.addLayout(row)
        column.addSpacing(8)
        column.addWidget(hint)
        column.addStretch(1)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take what names a place."""
        if targets_of(event.mimeData()):
            event.acceptProposedAction()
            self.set_active(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Nothing is held over it any more."""
        self.set_active(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Say what was dropped."""
        self.set_active(False)
        targets = targets_of(event.mimeData())
        if targets:
            event.acceptProposedAction()
            self.dropped.emit(targets)


def targets_of(data: QMimeData) -> list[str]:
    """The targets in something dropped: local files and folders, or the lines of a text that look like places."""
    if data.hasUrls():
        return [url.toLocalFile() if url.isLocalFile() else url.toString() for url in data.urls()]
    lines = data.text().splitlines() if data.hasText() else []
    return [line.strip() for line in lines if "/" in line or "://" in line][:20]


class StartPage(QScrollArea):
    """What to do first.

    Signals:
        file_requested(), folder_requested(), redis_requested(), demo_requested(): the buttons.
        targets_chosen(list[str]): attach these.
    """

    file_requested = Signal()
    folder_requested = Signal()
    redis_requested = Signal()
    demo_requested = Signal()
    targets_chosen = Signal(list)

    def __init__(self, places: KnownPlaces, *, has_demo: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places = places
        self._has_demo = has_demo
        self._found_rows = QVBoxLayout()
        self._recent_rows = QVBoxLayout()
        self._found_note = plain_label("", "note")
        self._recent_card = QFrame()
        self.setWidgetResizable(True)
        self.setAccessibleName(tr("Start"))
        self.viewport().setAutoFillBackground(False)
        inner = QWidget()
        inner.setAutoFillBackground(False)
        self.setWidget(inner)
        outer = QHBoxLayout(inner)
        outer.setContentsMargins(32, 48, 32, 32)
        outer.addStretch(1)
        outer.addWidget(self._column(), 1000)
        outer.addStretch(1)
        places.changed.connect(self.show_places)
        self.show_places()

    def _dress(self) -> None:
        self._lead.setStyleSheet(f"font-size: 15px; color: {theme.colors().text2};")

    def _column(self) -> QWidget:
        page = QWidget()
        page.setMaximumWidth(1152)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        lead = self._lead = plain_label(tr("Whether they earn their keep, and how to clean them without fear."))
        self._dress()
        theme.theme().changed.connect(self._dress)
        column.addWidget(plain_label(tr("See what your caches hold"), "start"))
        column.addWidget(lead)
        column.addSpacing(24)
        grid = QGridLayout()
        grid.setSpacing(24)
        grid.setHorizontalSpacing(32)
        grid.setColumnStretch(0, 544)
        grid.setColumnStretch(1, 576)
        grid.addWidget(self._drop_area(), 0, 0)
        grid.addWidget(self._found_card(), 0, 1)
        if self._has_demo:
            grid.addWidget(self._demo_card(), 1, 0)
        grid.addWidget(self._recent(), 1, 1)
        column.addLayout(grid)
        column.addStretch(1)
        return page

    def _drop_area(self) -> QWidget:
        buttons: list[QWidget] = []
        for kind, text, icon, signal in (
            (PrimaryButton, tr("Open file…"), "file", self.file_requested),
            (SecondaryButton, tr("Open folder…"), "folder", self.folder_requested),
            (SecondaryButton, tr("Redis server…"), "hexagon", self.redis_requested),
        ):
            button = kind(text, icon)
            button.setProperty("start", "true")
            button.clicked.connect(signal)
            buttons.append(button)
        area = DropArea(buttons)
        area.dropped.connect(self.targets_chosen)
        return area

    def _found_card(self) -> QWidget:
        card = _card()
        again = IconButton("refresh", tr("Look for caches again"))
        again.clicked.connect(self._places.look)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(plain_label(tr("Discovered"), "title"))
        head.addWidget(self._found_note)
        head.addStretch(1)
        head.addWidget(again)
        _fill(card, head, self._found_rows)
        return card

    def _recent(self) -> QWidget:
        card = self._recent_card
        card.setProperty("ground", "card")
        head = QHBoxLayout()
        head.addWidget(plain_label(tr("Recent"), "title"))
        _fill(card, head, self._recent_rows)
        return card

    def _demo_card(self) -> QWidget:
        card = _card()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(plain_label(tr("Nothing at hand?"), "title"))
        text = tr("Live caches with a workload running, no server needed. Redis joins when one is reachable.")
        about = plain_label(text, "note")
        about.setWordWrap(True)
        words.addWidget(about)
        button = SecondaryButton(tr("Try the demo"))
        button.setProperty("start", "true")
        button.clicked.connect(self.demo_requested)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(IconTile("play", 48), 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        chips = QHBoxLayout()
        chips.setSpacing(8)
        for name in DEMO_FORMATS:
            chips.addWidget(_FormatBadge(name))
        chips.addStretch(1)
        column = QVBoxLayout(card)
        column.setContentsMargins(24, 24, 24, 24)
        column.addLayout(head)
        column.addStretch(1)
        column.addSpacing(16)
        column.addLayout(chips)
        return card

    def show_places(self) -> None:
        """Draw what is known to be attachable."""
        found = self._places.found_places()
        words = tr("{n} caches in usual places").replace("{n}", str(len(found)))
        words = tr("1 cache in usual places") if len(found) == 1 else words
        if self._places.looking:
            words = tr("looking…") if not found else f"{words}, {tr('looking…')}"
        self._found_note.setText(words)
        rows: list[QWidget] = []
        for one in found[:SHOWN]:
            name, folder = name_and_folder(str(one["target"]))
            row = FoundRow(name, folder, str(one["format"]), found_note(one))
            row.attach.clicked.connect(self._chooser(str(one["target"])))
            rows.append(row)
        if not rows and not self._places.looking:
            rows.append(plain_label(tr("None found in this folder and in the usual ones."), "note"))
        _replace(self._found_rows, rows)
        now = time.time()
        recent: list[QWidget] = []
        for profile in self._places.recent_places()[:SHOWN]:
            line = RecentRow(profile.name, profile.format, days_ago(profile.last_opened, now))
            line.clicked.connect(self._chooser(profile.name))
            recent.append(line)
        _replace(self._recent_rows, recent)
        self._recent_card.setVisible(bool(recent))

    def _chooser(self, target: str) -> Callable[[], None]:
        return lambda: self.targets_chosen.emit([target])


class _FormatBadge(QFrame):
    """A format with its icon, small."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._icon = name, QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 8, 3)
        row.setSpacing(5)
        row.addWidget(self._icon)
        label = plain_label(name, "label")
        label.setStyleSheet("font-size: 11px; background: transparent;")
        row.addWidget(label)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.theme().changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        colors = theme.colors()
        self.setStyleSheet(f"_FormatBadge {{ background: {colors.hover}; border-radius: 4px; }}")
        self._icon.setPixmap(icons.pixmap(format_icon(self._name), colors.text2, 13, self.devicePixelRatioF()))


def _card() -> QFrame:
    card = QFrame()
    card.setProperty("ground", "card")
    return card


def _fill(card: QFrame, head: QHBoxLayout, rows: QVBoxLayout) -> None:
    rows.setSpacing(0)
    column = QVBoxLayout(card)
    column.setContentsMargins(16, 12, 16, 8)
    column.setSpacing(8)
    column.addLayout(head)
    column.addLayout(rows)
    column.addStretch(1)


def _replace(rows: QVBoxLayout, widgets: Sequence[QWidget]) -> None:
    while (item := rows.takeAt(0)) is not None:
        if (old := item.widget()) is not None:
            old.hide()
            old.deleteLater()
    for widget in widgets:
        rows.addWidget(widget)
