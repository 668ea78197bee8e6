"""The item model of the entry table: reads the arrays of a listing cell by cell, holds no object an entry."""

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cache_studio.gui.item_models.entry_columns import COLUMNS, NOTHING, TAGS, TTL, TYPE
from cache_studio.gui.item_models.entry_rows import EntryRows
from cache_studio.gui.look.text import display_text, tooltip_text, tr
from cache_studio.gui.widgets.painting import ttl_words
from cache_studio.gui.widgets.roles import Role
from cache_studio.model.columns import PENDING_BITS
from cache_studio.model.entries import Entry, entry_at
from cache_studio.model.identity import EntryId
from cache_studio.model.units import NOT_RECORDED

Index = QModelIndex | QPersistentModelIndex
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class EntryModel(QAbstractTableModel):
    """Rows of a listing. `clock` gives the moment to which TTL and ages are reckoned at each paint."""

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(parent)
        self._clock = clock
        self._shown: EntryRows | None = None

    @property
    def shown(self) -> EntryRows | None:
        """What the table shows; None before the first listing."""
        return self._shown

    def set_shown(self, shown: EntryRows) -> NDArray[np.intp] | None:
        """Show another listing. Positions of changed entries; None when entries came, went or moved: it was reset."""
        changed = None if self._shown is None else shown.changed_since(self._shown)
        if changed is None:
            self.beginResetModel()
            self._shown = shown
            self.endResetModel()
        else:
            self._shown = shown
        return changed

    def entry(self, position: int) -> Entry | None:
        """The entry at a position."""
        shown = self._shown
        if shown is None or not 0 <= position < len(shown):
            return None
        return entry_at(shown.view, int(shown.listing.rows[position]))

    def ids(self, first: int, last: int) -> list[EntryId]:
        """Ids of the entries from position `first` to `last`, both included."""
        shown = self._shown
        if shown is None:
            return []
        ids = shown.view.ids
        return [ids[row] for row in shown.listing.rows[first : last + 1].tolist()]

    def index(
        self,
        row: int,
        column: int,
        parent: Index = QModelIndex(),  # noqa: B008 - Qt's own signature
    ) -> QModelIndex:
        """The index of a cell; not left to Qt, which asks for both counts each time."""
        shown = self._shown
        if shown is None or parent.isValid() or not 0 <= row < len(shown) or not 0 <= column < len(COLUMNS):
            return QModelIndex()
        return self.createIndex(row, column)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of entries shown."""
        return 0 if parent.isValid() or self._shown is None else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Name and alignment of a column."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section].name)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if COLUMNS[section].right else _LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text of a cell, and what the delegates draw."""
        shown, position, column = self._shown, index.row(), index.column()
        if shown is None or not 0 <= position < len(shown) or not 0 <= column < len(COLUMNS):
            return None
        row = int(shown.listing.rows[position])
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[column].cell(shown.view, row, self._clock())
        if role == Role.TTL:
            return self._ttl(shown, row)
        if role == Role.TTL_SHARE:
            return self._share(shown, row)
        if role == Role.TAGS:
            return self._tags(shown, row)
        if role == Role.PROBLEM:
            return display_text(shown.view.problems.get(row, ""), 200)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if COLUMNS[column].right else _LEFT
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(shown, row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._words(shown, row, column)
        return None

    def _ttl(self, shown: EntryRows, row: int) -> float | None:
        view = shown.view
        expires = float(view.numbers["expires"][row])
        if math.isnan(expires) and int(view.pending[row]) & PENDING_BITS["expires"]:
            return None
        return expires - self._clock()

    def _share(self, shown: EntryRows, row: int) -> float:
        numbers = shown.view.numbers
        expires, created = float(numbers["expires"][row]), float(numbers["created"][row])
        if not math.isfinite(expires) or not math.isfinite(created) or expires <= created:
            return math.nan
        return max(0.0, min(1.0, (expires - self._clock()) / (expires - created)))

    def _tags(self, shown: EntryRows, row: int) -> tuple[str, ...]:
        code = int(shown.view.tag_codes[row])
        return () if code < 0 else tuple(display_text(tag, 60) for tag in shown.view.tag_sets[code])

    def _words(self, shown: EntryRows, row: int, column: int) -> str:
        if column == TTL:
            return ttl_words(self._ttl(shown, row))
        if column == TAGS:
            return ", ".join(self._tags(shown, row))
        if column == TYPE and row in shown.view.problems:
            return display_text(shown.view.problems[row], 200)
        text = COLUMNS[column].cell(shown.view, row, self._clock())
        return tr(NOT_RECORDED) if text == NOTHING else text

    def _tooltip(self, shown: EntryRows, row: int, column: int) -> str:
        problem = shown.view.problems.get(row, "")
        return tooltip_text(problem if problem and column == TYPE else self._words(shown, row, column))
