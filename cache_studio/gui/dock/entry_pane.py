"""Below the head of the dock: the facts of an entry and its value, made when the first entry is chosen."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QSplitter, QWidget

from cache_studio.gui.dock.facts_panel import FactsPanel
from cache_studio.gui.dock.value_panel import ValuePanel
from cache_studio.gui.tasks import Tasks


class EntryPane(QSplitter):
    """Facts over the value."""

    def __init__(self, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        area = QScrollArea(self)
        self.facts = FactsPanel()
        self.value = ValuePanel(tasks, self)
        area.setWidget(self.facts)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumHeight(120)
        area.viewport().setAutoFillBackground(False)
        self.facts.setAutoFillBackground(False)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(1)
        self.addWidget(area)
        self.addWidget(self.value)
        self.setStretchFactor(1, 1)
        self.setSizes([280, 450])
