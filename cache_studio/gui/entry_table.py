"""The table of entries with its model: selection and scroll place outlive every new listing."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QItemSelection, QItemSelectionModel, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QWidget

from cache_studio.gui.item_models import entry_columns as columns
from cache_studio.gui.item_models.entry_columns import COLUMNS
from cache_studio.gui.item_models.entry_model import EntryModel
from cache_studio.gui.item_models.entry_rows import EntryRows, distinct, runs
from cache_studio.gui.look import fonts
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.widgets.bars import BusyLine
from cache_studio.gui.widgets.cells import (
    CELL_PAD,
    FigureDelegate,
    KeyDelegate,
    NoteDelegate,
    QuietFigureDelegate,
    TagDelegate,
)
from cache_studio.gui.widgets.entry_table import HEADER_HEIGHT, EntryTableView
from cache_studio.gui.widgets.painting import text_width
from cache_studio.gui.widgets.ttl_cell import MINIMUM_WIDTH, TtlDelegate
from cache_studio.model.entries import Entry
from cache_studio.model.identity import EntryId
from cache_studio.services.ordering import Sort

TICK_MS = 1_000
_DELEGATES = {
    columns.KEY: KeyDelegate,
    columns.TYPE: NoteDelegate,
    columns.SIZE: FigureDelegate,
    columns.AGE: QuietFigureDelegate,
    columns.TTL: TtlDelegate,
    columns.LAST_READ: QuietFigureDelegate,
    columns.HITS: FigureDelegate,
    columns.TAGS: TagDelegate,
}
_BUSY_RETRY_MS = 100
_PROBLEM_WIDTH = 220
"""Of the type column where an entry has a problem."""
_WIDEST = 180
"""Of a column of names, until the user drags it."""
_WIDEST_KEY = 560
_TAGS_WIDTH = 96
_NAMES = 200
"""Names that are looked at for the width of their column."""
_RANGES = 2_000
"""More separate runs of chosen rows than this are not chosen again after a new listing: it would stop the window."""


class EntryTable(EntryTableView):
    """Shows an EntryRows.

    Signals:
        sort_changed(Sort): the user clicked a column.
        entry_chosen(Entry | None): the current row.
        selection_moved(): other rows are selected.
        delete_pressed(), return_pressed(): keys while the table has the focus.
        visible_changed(): other rows are on the screen.
    """

    sort_changed = Signal(object)
    entry_chosen = Signal(object)
    selection_moved = Signal()
    delete_pressed = Signal()
    return_pressed = Signal()
    visible_changed = Signal()
    ticking = frozenset((columns.AGE, columns.TTL, columns.LAST_READ))

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entries = EntryModel(self)
        self.setModel(self.entries)
        self.busy = BusyLine(self)
        self._current: EntryId | None = None
        self._restoring = self._fitted = False
        for at, delegate in _DELEGATES.items():
            self.setItemDelegateForColumn(at, delegate(self))
        for at, column in enumerate(COLUMNS):
            self.setColumnWidth(at, column.width)
        self.set_minimum_width(columns.TTL, MINIMUM_WIDTH)
        header = self.horizontalHeader()
        header.setSortIndicator(columns.KEY, Qt.SortOrder.AscendingOrder)
        header.sortIndicatorChanged.connect(self._on_sort)
        header.sectionResized.connect(self._on_dragged)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._column_menu)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self.selectionModel().currentRowChanged.connect(self._on_current)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self.visible_changed.emit())
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MS)
        self._ticker.timeout.connect(self.tick)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_BUSY_RETRY_MS)
        self._late.timeout.connect(self._show_late)
        self._next: EntryRows | None = None

    def show_rows(self, shown: EntryRows) -> None:
        """Show a listing; while the user drags over rows it waits until the button is up."""
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton and self.underMouse():
            self._next = shown
            self._late.start()
            return
        self._next = None
        before = self.entries.shown
        top, offset = self._place()
        chosen = self.chosen_positions()
        self.setAutoScroll(False)
        self._restoring = True
        try:
            changed = self.entries.set_shown(shown)
            if changed is None and before is not None:
                self._restore(before, shown, chosen, top, offset)
        finally:
            self._restoring = False
            self.setAutoScroll(True)
        if changed is None or before is None or _may_look_otherwise(before, shown):
            self.viewport().update()
        else:
            self.draw_again(changed.tolist())
        if not self._fitted and len(shown):
            self._fit()
        if changed is None or changed.size:
            self.selection_moved.emit()
        self._tell_current()
        self.visible_changed.emit()

    def chosen_positions(self) -> NDArray[np.int32]:
        """Positions of the selected rows, sorted."""
        selection = self.selectionModel().selection()
        ranges = (selection.at(number) for number in range(selection.count()))
        spans = sorted({(one.top(), one.bottom()) for one in ranges})
        parts = [np.arange(first, last + 1, dtype=np.int32) for first, last in spans]
        return distinct(np.concatenate(parts)) if parts else np.empty(0, np.int32)

    def chosen_ids(self) -> list[EntryId]:
        """Ids of the selected entries."""
        return [found for first, last in runs(self.chosen_positions()) for found in self.entries.ids(first, last)]

    def choose(self, ids: Sequence[EntryId]) -> bool:
        """Select those of these entries that are shown and scroll to the first; whether all are shown."""
        shown = self.entries.shown
        found = [] if shown is None else sorted(at for at in map(shown.position_of, ids) if at >= 0)
        if found:
            first, model = self.entries.index(found[0], 0), self.selectionModel()
            selection = self._selection(runs(np.asarray(found, np.int32)))
            model.setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
            model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.scrollTo(first, QAbstractItemView.ScrollHint.PositionAtCenter)
            self.setFocus()
        return len(found) == len(ids)

    def current_entry(self) -> Entry | None:
        """The entry of the current row."""
        return self.entries.entry(self.currentIndex().row())

    def visible_ids(self) -> list[EntryId]:
        """Ids of the entries on the screen."""
        rows = self._visible_rows()
        return self.entries.ids(rows.start, rows.stop - 1) if rows else []

    @property
    def has_own_widths(self) -> bool:
        """Whether the user chose the widths; else they follow the room there is."""
        return self._fitted

    def layout_state(self) -> QByteArray:
        """Widths, order, hidden columns and sort, to be remembered."""
        return self.horizontalHeader().saveState()

    def restore_layout(self, state: QByteArray, *, own_widths: bool) -> None:
        """Take a remembered layout over; the sort too."""
        if self.horizontalHeader().restoreState(state):
            self._fitted = own_widths
            self.horizontalHeader().setFixedHeight(HEADER_HEIGHT)

    def sort(self) -> Sort:
        """The order in force."""
        header = self.horizontalHeader()
        at = header.sortIndicatorSection()
        name = COLUMNS[at].sort_name if 0 <= at < len(COLUMNS) else "key"
        return Sort(name, header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete and Return act on rows."""
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.return_pressed.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the busy line under the header; the first width goes to the key."""
        super().resizeEvent(event)
        self.busy.setGeometry(0, HEADER_HEIGHT, self.width(), 2)
        self.busy.raise_()
        if not self._fitted and self.entries.shown is not None:
            self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Tick while on screen."""
        super().showEvent(event)
        self._ticker.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest off screen."""
        super().hideEvent(event)
        self._ticker.stop()

    def _fit(self) -> None:
        """Widths for the room there is: names and tags what they need, the key the rest."""
        shown = self.entries.shown
        if shown is None:
            return
        view, room = shown.view, self.viewport().width()
        widths = [column.width for column in COLUMNS]
        widths[columns.TAGS] = _TAGS_WIDTH if view.tag_sets else widths[columns.TAGS]
        for at, names in ((columns.NAMESPACE, view.namespace_names), (columns.TYPE, view.type_names)):
            widths[at] = _width_of(names, widths[at])
        # A key is what one looks for: other columns rather scroll out of sight than leave it nine letters.
        widths[columns.KEY] = _width_of(view.keys[:_NAMES], widths[columns.KEY])
        spare = room - sum(widths)
        if view.problems:
            widths[columns.TYPE] += max(0, min(_PROBLEM_WIDTH - widths[columns.TYPE], spare))
        spare = room - sum(widths)
        widths[columns.KEY] += max(0, min(_WIDEST_KEY - widths[columns.KEY], spare))
        for at, width in enumerate(widths[:-1]):
            self.setColumnWidth(at, width)

    def _on_dragged(self) -> None:
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton and self.horizontalHeader().underMouse():
            self._fitted = True

    def _show_late(self) -> None:
        if self._next is not None:
            self.show_rows(self._next)

    def _place(self) -> tuple["EntryId | None", int]:
        """What stays where it is on the screen, and how far above its row the screen begins."""
        row = self._chosen_in_sight()
        if row < 0 and self.verticalScrollBar().value() > 0:
            row = self.rowAt(0)
        return (self.entries.ids(row, row)[0], -self.rowViewportPosition(row)) if row >= 0 else (None, 0)

    def _chosen_in_sight(self) -> int:
        """The current row if it is selected and on the screen, else -1; one that only has the focus is not meant."""
        row = self.currentIndex().row()
        chosen = row >= 0 and self.selectionModel().isRowSelected(row)
        return row if chosen and 0 <= self.rowViewportPosition(row) < self.viewport().height() else -1

    def _restore(
        self, before: EntryRows, shown: EntryRows, chosen: NDArray[np.int32], top: "EntryId | None", offset: int
    ) -> None:
        model = self.selectionModel()
        spans = runs(shown.follow(before, chosen))
        selection = self._selection(spans if len(spans) <= _RANGES else ())
        at = -1 if self._current is None else shown.position_of(self._current)
        if at >= 0:
            model.setCurrentIndex(self.entries.index(at, 0), QItemSelectionModel.SelectionFlag.NoUpdate)
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        at = -1 if top is None else shown.position_of(top)
        if at >= 0:
            self.verticalScrollBar().setValue(at * self.verticalHeader().defaultSectionSize() + offset)

    def _selection(self, spans: Iterable[tuple[int, int]]) -> QItemSelection:
        """Whole rows."""
        selection, last = QItemSelection(), len(COLUMNS) - 1
        for first, end in spans:
            selection.select(self.entries.index(first, 0), self.entries.index(end, last))
        return selection

    def _on_sort(self, _section: int, _order: Qt.SortOrder) -> None:
        if self._chosen_in_sight() < 0:
            self.scrollToTop()
        self.sort_changed.emit(self.sort())

    def _on_selection(self) -> None:
        if not self._restoring:
            self.selection_moved.emit()

    def _on_current(self) -> None:
        if not self._restoring:
            self._tell_current()

    def _tell_current(self) -> None:
        entry = self.current_entry()
        self._current = None if entry is None else entry.id
        self.entry_chosen.emit(entry)

    def _column_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for at, column in enumerate(COLUMNS):
            action = menu.addAction(tr(column.name))
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(at))
            action.setEnabled(at != columns.KEY)
            action.triggered.connect(lambda shown, at=at: self.setColumnHidden(at, not shown))
        menu.popup(self.horizontalHeader().mapToGlobal(point))


def _may_look_otherwise(before: EntryRows, shown: EntryRows) -> bool:
    """Whether rows that did not change may have to be drawn again: figures that were awaited have come."""
    return bool(before.listing.totals.pending or shown.listing.totals.pending)


def _width_of(names: Sequence[str], least: int) -> int:
    """The width that names of a column need, within bounds."""
    font, most, widest = fonts.text_font(12), _WIDEST - 2 * CELL_PAD - 4, 0.0
    for name in sorted(names[:_NAMES], key=len, reverse=True):
        widest = max(widest, text_width(display_text(name, 60), font))
        if widest >= most:  # no name can add to it: of long keys one is measured and not all
            break
    return max(least, min(_WIDEST, round(widest) + 2 * CELL_PAD + 4))
