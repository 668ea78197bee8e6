"""The left panel: attached caches with what they do, recent ones, discovered ones."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cache_studio.gui.controller import Controller
from cache_studio.gui.known_places import KnownPlaces
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.place_rows import found_row, recent_row
from cache_studio.gui.widgets.buttons import IconButton
from cache_studio.gui.widgets.cache_list import CacheListModel, CacheListView
from cache_studio.gui.widgets.roles import CacheRow

if TYPE_CHECKING:
    from cache_studio.services.attachment import Attachment

WIDTH = 240
SPARK_MS = 10_000
FIGURES_MS = 500
"""Figures of the tiles are drawn anew at most this often."""


class CachesPanel(QScrollArea):
    """Three lists.

    Signals:
        chosen(Attachment): show this cache.
        target_chosen(str): attach this remembered name or found target.
        attach_requested(): the plus sign.
    """

    chosen = Signal(object)
    target_chosen = Signal(str)
    attach_requested = Signal()

    def __init__(self, controller: Controller, places: KnownPlaces, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._places = controller, places
        self._sparks: dict[str, tuple[float, ...]] = {}
        self._lists = {name: CacheListView(tr(name)) for name in ("Attached", "Recent", "Discovered")}
        self._models = {name: CacheListModel(self) for name in self._lists}
        self._sections: dict[str, QWidget] = {}
        self._recent: list[str] = []
        self._found: list[str] = []
        self.setWidgetResizable(True)
        self.setAccessibleName(tr("Caches"))
        self.setMinimumWidth(150)
        inner = QFrame()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(4)
        plus = IconButton("attach", tr("Attach a cache"))
        plus.clicked.connect(self.attach_requested)
        again = IconButton("refresh", tr("Look for caches again"))
        again.clicked.connect(places.look)
        for name, button in (("Attached", plus), ("Recent", None), ("Discovered", again)):
            column.addWidget(self._section(name, button))
        column.addStretch(1)
        self.setWidget(inner)
        self.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        self._connect()

    def _section(self, name: str, button: QWidget | None) -> QWidget:
        section = self._sections[name] = QWidget()
        head = QHBoxLayout()
        head.setContentsMargins(16, 4, 12, 0)
        head.addWidget(plain_label(tr(name), "label"), 1)
        if button is not None:
            head.addWidget(button)
        view = self._lists[name]
        view.setModel(self._models[name])
        view.setVerticalScrollBarPolicy(self.horizontalScrollBarPolicy().ScrollBarAlwaysOff)
        column = QVBoxLayout(section)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(view)
        return section

    def _connect(self) -> None:
        self._lists["Attached"].selectionModel().currentRowChanged.connect(self._on_current)
        for name in ("Recent", "Discovered"):
            self._lists[name].clicked.connect(lambda index, name=name: self._on_place(name, index.row()))
            self._lists[name].activated.connect(lambda index, name=name: self._on_place(name, index.row()))
        self._places.changed.connect(self.show_places)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(FIGURES_MS)
        self._soon.timeout.connect(self.show_caches)
        self._spark_timer = QTimer(self)
        self._spark_timer.setInterval(SPARK_MS)
        self._spark_timer.timeout.connect(self._read_sparks)
        self._spark_timer.start()
        self.show_places()

    def note_change(self) -> None:
        """Some figure of an attached cache is another one now."""
        if not self._soon.isActive():
            self._soon.start()

    def show_caches(self) -> None:
        """Draw the attached caches as they are now."""
        if self._models["Attached"].set_rows(self._cache_rows()):
            self._lists["Attached"].fit()

    def _cache_rows(self) -> list[CacheRow]:
        if not self._controller.attachments:
            return []
        from cache_studio.gui.cache_rows import cache_row  # loaded with the first cache

        attachments = self._controller.attachments
        return [cache_row(one, self._sparks.get(str(one.place.target), ())) for one in attachments]

    def select(self, attachment: Attachment | None) -> None:
        """Mark the cache that is shown, without a signal."""
        self.show_caches()
        model = self._lists["Attached"].selectionModel()
        blocked = model.blockSignals(True)
        if attachment in self._controller.attachments:
            index = self._models["Attached"].index(self._controller.attachments.index(attachment))
            model.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            model.clear()
        model.blockSignals(blocked)
        self._lists["Attached"].viewport().update()
        self._read_sparks()

    def show_places(self) -> None:
        """Draw recent and discovered places as they are now."""
        recent, found = self._places.recent_places(), self._places.found_places()
        self._recent = [profile.name for profile in recent]
        self._found = [str(one["target"]) for one in found]
        now = time.time()
        self._models["Recent"].set_rows([recent_row(profile, now) for profile in recent])
        self._models["Discovered"].set_rows([found_row(one) for one in found])
        for name in ("Recent", "Discovered"):
            self._lists[name].fit()
        self._sections["Recent"].setVisible(bool(recent))

    def _on_current(self, current: QModelIndex) -> None:
        attachments = self._controller.attachments
        if 0 <= current.row() < len(attachments):
            self.chosen.emit(attachments[current.row()])

    def _on_place(self, name: str, row: int) -> None:
        places = self._recent if name == "Recent" else self._found
        if 0 <= row < len(places):
            self.target_chosen.emit(places[row])

    def _read_sparks(self) -> None:
        controller = self._controller
        if not controller.is_ready or not controller.attachments or controller.studio.monitor is None:
            return
        monitor, attachments = controller.studio.monitor, list(controller.attachments)

        def work(_stop: Event) -> dict[str, tuple[float, ...]]:
            from cache_studio.gui.cache_rows import sparks  # loaded with the first cache

            return sparks(monitor, attachments)

        controller.tasks.run("sparks", work, self._on_sparks, lambda _error: None)

    def _on_sparks(self, found: dict[str, tuple[float, ...]]) -> None:
        self._sparks = found
        self.show_caches()
