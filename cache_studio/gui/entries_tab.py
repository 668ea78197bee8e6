"""The Entries tab of one attachment: search, facets, table, undo bar."""

import time
from functools import cached_property

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import QFrame, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from cache_studio.gui.controller import Controller
from cache_studio.gui.entry_feed import EntryFeed, FacetFigures, totals_of
from cache_studio.gui.entry_table import EntryTable
from cache_studio.gui.facets_panel import WIDTH, FacetsPanel
from cache_studio.gui.filter_bar import FilterBar
from cache_studio.gui.item_models.entry_rows import EntryRows
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.widgets.bars import EmptyState, UndoBar
from cache_studio.model.entries import Entry
from cache_studio.model.errors import SelectionError
from cache_studio.model.statistics import Totals
from cache_studio.model.units import format_count, format_size
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import Phase, reading_words


class EntriesTab(QWidget):
    """What is stored, and which of it is chosen.

    Signals:
        status_changed(): `status` says something else.
        entry_chosen(Entry | None): the current entry.
        undo_requested(): Undo in the bar below the table.
        invalidate_requested(): Delete in the table.
        details_requested(): Return in the table.
        failed(CacheStudioError): the list could not be made.
    """

    status_changed = Signal()
    entry_chosen = Signal(object)
    undo_requested = Signal()
    invalidate_requested = Signal()
    details_requested = Signal()
    failed = Signal(object)

    def __init__(self, controller: Controller, attachment: Attachment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._attachment = controller, attachment
        # Each part is made inside its parent: one that moves into it later has all its widgets styled anew.
        self.filter = FilterBar(self)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.facets = FacetsPanel(self._splitter)
        self._right = QWidget(self._splitter)
        self._stack = QStackedWidget(self._right)
        self.table = EntryTable(self._stack)
        self._bar_frame = QFrame(self._right)
        self.feed = EntryFeed(controller, attachment, self)
        self.figures: FacetFigures | None = None
        self._chosen: Totals | None = None
        self._looked = ""
        self._empty = EmptyState("", parent=self._stack)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self._stack.setProperty("ground", "surface")
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._empty)
        column = QVBoxLayout(self._right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._stack, 1)
        self._bar_frame.setProperty("ground", "surface")
        self._frame_row = QVBoxLayout(self._bar_frame)
        self._frame_row.setContentsMargins(16, 8, 16, 8)
        self._bar_frame.hide()
        column.addWidget(self._bar_frame)
        self._splitter.setHandleWidth(1)
        self._splitter.addWidget(self.facets)
        self._splitter.addWidget(self._right)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([WIDTH, 800])
        self._splitter.setCollapsible(1, False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.filter)
        layout.addWidget(self._splitter, 1)

    def _connect(self) -> None:
        self.filter.expression_changed.connect(self._on_expression)
        self.filter.left_down.connect(self.table.setFocus)
        self.facets.expression_changed.connect(self.set_expression)
        self.table.sort_changed.connect(self.feed.set_sort)
        self.table.entry_chosen.connect(self.entry_chosen)
        self.table.selection_moved.connect(self._count_chosen)
        self.table.delete_pressed.connect(self.invalidate_requested)
        self.table.return_pressed.connect(self.details_requested)
        self.table.doubleClicked.connect(lambda _index: self.details_requested.emit())
        self.table.visible_changed.connect(self._want_visible)
        self._empty.acted.connect(lambda: self.set_expression(""))
        self.feed.listed.connect(self._on_listed)
        self.feed.wrong.connect(self._on_wrong)
        self.feed.failed.connect(self.failed)
        self.feed.counted.connect(self._on_counted)
        self.feed.looked.connect(self._on_looked)

    @cached_property
    def undo_bar(self) -> UndoBar:
        """The bar below the table; made when something was done."""
        made = UndoBar(parent=self._bar_frame)
        made.undo_requested.connect(self.undo_requested)
        made.dismissed.connect(self._bar_frame.hide)
        self._frame_row.addWidget(made)
        return made

    @property
    def expression(self) -> str:
        """The expression that is applied and shown."""
        return "" if self.feed.shown is None else self.feed.shown.listing.expression

    def set_expression(self, expression: str) -> None:
        """Apply an expression at once."""
        self.filter.set_expression(expression)
        self._on_expression(expression, True)

    def refresh(self) -> None:
        """The attachment has a new view or phase."""
        standing = self._attachment.standing
        self.table.busy.set_busy(standing.is_reading)
        self._show_emptiness()
        self.feed.note_change()
        self.status_changed.emit()

    def focus_search(self) -> None:
        """Put the cursor into the search box."""
        self.filter.search.setFocus()
        self.filter.search.edit.selectAll()

    def current_entry(self) -> Entry | None:
        """The entry of the current row."""
        return self.table.current_entry()

    def show_bar(self, text: str, *, can_undo: bool) -> None:
        """Say below the table what was done; rows are pushed up."""
        self._bar_frame.show()
        (self.undo_bar.show_done if can_undo else self.undo_bar.show_final)(text)

    def hide_bar(self) -> None:
        """Take the bar away."""
        if self._bar_frame.isVisibleTo(self):
            self.undo_bar.hide()
            self._bar_frame.hide()

    def status(self) -> str:
        """The totals for the status line."""
        standing, shown = self._attachment.standing, self.feed.shown
        if shown is None:
            return tr(standing.phase.value)
        if standing.phase is Phase.READING and not shown.view.complete:
            return reading_words(standing, tr)
        if self._looked:
            return self._looked
        chosen = self._chosen
        parts = [] if chosen is None else [f"{format_count(chosen.entries)} {tr('chosen')}, {_bytes(chosen)}"]
        return "   ·   ".join([*parts, self._listing_words(shown)])

    def _listing_words(self, shown: EntryRows) -> str:
        totals = shown.listing.totals
        if shown.listing.expression.strip():
            whole = len(self._attachment.standing.view or shown.view)
            head = f"{format_count(totals.entries)} {tr('of')} {format_count(whole)} {tr('selected')}"
        else:
            head = f"{format_count(totals.entries)} {tr('entries')}"
        words = f"{head}, {_bytes(totals)}"
        if totals.stale:
            words += f", {format_count(totals.stale)} {tr('stale')} ({format_size(totals.stale_size)})"
        left_out = shown.listing.matched.left_out
        for what, count in left_out.items():
            words += f", {format_count(count)} {tr('left out')}: {tr(what)} {tr('not recorded')}"
        return words

    def save_layout(self, settings: QSettings) -> None:
        """Remember columns and facets for this format."""
        name = self._attachment.place.format.name
        settings.setValue(f"entries/{name}/columns", self.table.layout_state())
        settings.setValue(f"entries/{name}/own_widths", self.table.has_own_widths)
        settings.setValue("entries/splitter", self._splitter.saveState())

    def restore_layout(self, settings: QSettings) -> None:
        """Take over what was remembered."""
        name = self._attachment.place.format.name
        if (state := settings.value(f"entries/{name}/columns")) is not None:
            own = settings.value(f"entries/{name}/own_widths", False, type=bool) is True
            self.table.restore_layout(state, own_widths=own)
            self.feed.sort = self.table.sort()
        if (state := settings.value("entries/splitter")) is not None:
            self._splitter.restoreState(state)

    def _on_expression(self, expression: str, at_once: bool) -> None:
        self.facets.set_expression(expression)
        self.feed.set_expression(expression, at_once)

    def _on_listed(self, shown: EntryRows) -> None:
        self._looked = ""
        self.filter.search.clear_problem()
        totals = shown.listing.totals
        words = f"{format_count(totals.entries)} {tr('entries')}, {_bytes(totals)}"
        self.filter.search.set_result(words if shown.listing.expression.strip() else "")
        self.table.show_rows(shown)
        self._show_emptiness()
        self.status_changed.emit()

    def _on_wrong(self, error: SelectionError) -> None:
        self.filter.show_wrong(error)

    def _on_counted(self, figures: FacetFigures) -> None:
        self.figures = figures
        self.facets.set_figures(figures)
        self.filter.set_facet_terms(self.facets.terms)
        self.filter.set_counts(figures.chips)
        self.status_changed.emit()

    def _on_looked(self, done: int, of: int) -> None:
        self._looked = tr("looking into values") + f", {format_count(done)} {tr('of')} {format_count(of)}"
        self.status_changed.emit()

    def _show_emptiness(self) -> None:
        shown, standing = self.feed.shown, self._attachment.standing
        if shown is None or (not len(shown) and not shown.view.complete and standing.phase is Phase.READING):
            opening = standing.is_reading
            self._empty.set_text(tr("Opening the cache…") if opening else tr("Nothing is listed."))
            self._stack.setCurrentWidget(self._empty)
        elif len(shown):
            self._stack.setCurrentWidget(self.table)
        elif self.expression.strip():
            none = tr("No entry matches") + f" “{display_text(self.expression, 120)}”: "
            none += tr("0 of {n}.").replace("{n}", format_count(len(shown.view)))
            self._empty.set_text(none, tr("Clear search"))
            self._stack.setCurrentWidget(self._empty)
        else:
            self._empty.set_text(tr("This cache has no entries. They appear here as soon as one is stored."))
            self._stack.setCurrentWidget(self._empty)

    def _count_chosen(self) -> None:
        chosen, shown = self.table.chosen_positions(), self.table.entries.shown
        tasks, name = self._controller.tasks, f"chosen {id(self)}"
        if shown is None or chosen.size < 2:
            tasks.drop(name)
            self._on_chosen(None)
            return
        rows = shown.listing.rows
        tasks.run(
            name, lambda _stop: totals_of(shown.view, rows[chosen], time.time()), self._on_chosen, self.failed.emit
        )

    def _on_chosen(self, totals: Totals | None) -> None:
        self._chosen = totals
        self.status_changed.emit()

    def _want_visible(self) -> None:
        shown = self.table.entries.shown
        if shown is not None and shown.listing.totals.pending:
            self._attachment.want(self.table.visible_ids())


def _bytes(totals: Totals) -> str:
    """Bytes of the known sizes; with a mark where some are not known."""
    if totals.entries and totals.sizes_unknown == totals.entries:
        return tr("size not recorded")
    return ("≥ " if totals.sizes_unknown else "") + format_size(totals.size)
