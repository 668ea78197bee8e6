"""The dock of the selected entry: facts at once, the value when it is read."""

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cache_studio.gui.dock.entry_pane import EntryPane
from cache_studio.gui.dock.facts_panel import FactsPanel
from cache_studio.gui.dock.saving import save_value
from cache_studio.gui.dock.value_panel import ValuePanel
from cache_studio.gui.dock.value_words import file_name, is_cut
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.bars import EmptyState
from cache_studio.gui.widgets.buttons import IconButton
from cache_studio.model.entries import Entry
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Source
from cache_studio.model.units import format_size
from cache_studio.services.attachment import Attachment
from cache_studio.services.show import FIRST_BYTES, SHOWN_BYTES, Shown, ShownPiece
from cache_studio.services.studio import Studio

_SETTLE_MS = 80
"""A value is read when the selection rested for so long: arrow keys may run through many entries."""
_HELD_MS = 150
"""The first part of a value is shown when more of it is not there after so long: most values would only flicker."""
_MOST_BYTES = 64_000_000
"""How much of a value is read when more of it is asked for."""


class DetailDock(QFrame):
    """Facts and value of one entry.

    Signals:
        closed(): the cross.
        message(str): something short for the status line.
    """

    closed = Signal()
    message = Signal(str)

    def __init__(self, tasks: Tasks, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks, self._studio = tasks, studio
        self._task = f"read {id(self)}"
        self._attachment: Attachment | None = None
        self._entry: Entry | None = None
        self._future: Future[Shown] | None = None
        self._first: Shown | None = None
        self._pane: EntryPane | None = None
        self._empty = EmptyState(tr("Choose an entry to see what is known of it and what it holds."), parent=self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(lambda: self._ask(FIRST_BYTES))
        self._held = QTimer(self)
        self._held.setSingleShot(True)
        self._held.setInterval(_HELD_MS)
        self._held.timeout.connect(self._show_first)
        self.setProperty("ground", "surface")
        self.setAccessibleName(tr("Entry"))
        self.setMinimumWidth(260)
        self._lay_out()
        self.destroyed.connect(lambda *_, drop=tasks.drop, task=self._task: drop(task))
        self.show_entry(None, None, {})

    def show_entry(self, attachment: Attachment | None, entry: Entry | None, sources: Mapping[str, Source]) -> None:
        """Show an entry; the same one again only renews its facts, unless it was stored anew. None shows nothing."""
        self._empty.setVisible(entry is None)
        if entry is None or attachment is None:
            self._forget()
            return
        self._made().show()
        same = self._entry is not None and self._attachment is attachment and self._entry.id == entry.id
        unchanged = same and self._entry is not None and self._entry.stamp == entry.stamp
        self._attachment, self._entry = attachment, entry
        self.facts.show_entry(entry, sources)
        if unchanged:
            return
        if not same:
            self.value.show_message(tr("Reading the value"))
        self._timer.start()

    def save_to(self, found: ShownPiece, path: Path) -> None:
        """Write the stored bytes of a piece of the entry to `path`, replacing what is there; `message` says so."""
        attachment, entry = self._attachment, self._entry
        if attachment is None or entry is None:
            return
        name = found.piece.name

        def saved(size: int) -> None:
            shown = display_text(path.name, 120)
            self.message.emit(tr("Saved {size} as {name}.").format(size=format_size(size), name=shown))

        self._tasks.run(
            f"{self._task} save",
            lambda stop: save_value(attachment, entry.id, name, path),
            saved,
            lambda error: self.message.emit(f"{error.message} {error.hint}".strip()),
        )

    @property
    def facts(self) -> FactsPanel:
        """What is known of the entry."""
        return self._made().facts

    @property
    def value(self) -> ValuePanel:
        """What the entry holds."""
        return self._made().value

    def _made(self) -> EntryPane:
        """The pane; its many views would hold the first attached cache up, where nothing is chosen yet."""
        if self._pane is None:
            self._pane = EntryPane(self._tasks, self)
            self._pane.facts.copy_requested.connect(self._copy_key)
            self._pane.value.copied.connect(self.message)
            self._pane.value.save_requested.connect(self._ask_and_save)
            self._pane.value.rest_requested.connect(lambda: self._ask(_MOST_BYTES))
            self._column.insertWidget(1, self._pane, 1)
        return self._pane

    def _lay_out(self) -> None:
        self.head = head = QFrame()  # the dock around it takes it as its title bar
        head.setProperty("ground", "header")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 8, 12, 8)
        row.addWidget(plain_label(tr("Entry"), "title"))
        row.addStretch(1)
        cross = IconButton("close", tr("Close the entry panel"))
        cross.clicked.connect(self.closed)
        row.addWidget(cross)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(head)
        self._column.addWidget(self._empty, 1)

    def _forget(self) -> None:
        self._timer.stop()
        self._cancel()
        self._tasks.drop(self._task)
        self._attachment = self._entry = None
        if self._pane is not None:
            self._pane.hide()
            self._pane.value.show_message("")

    def _cancel(self) -> None:
        """A request that is still in the queue is never begun."""
        self._held.stop()
        self._first = None
        if self._future is not None:
            self._future.cancel()
            self._future = None

    def _ask(self, most: int) -> None:
        """Read so many bytes of each piece."""
        self._cancel()
        if self._attachment is None or self._entry is None:
            return
        self._future = self._studio.reader.show(self._attachment, self._entry.id, most)
        self._tasks.follow(self._task, self._future, lambda shown: self._take(shown, most), self._refuse)

    def _take(self, shown: Shown, most: int) -> None:
        if most == FIRST_BYTES and any(map(is_cut, shown.pieces)):
            self._ask(SHOWN_BYTES)
            self._first = shown
            self._held.start()
        else:
            self._held.stop()
            self._show_value(shown)

    def _show_first(self) -> None:
        if self._first is not None:
            self._show_value(self._first)

    def _show_value(self, shown: Shown) -> None:
        if self._entry is not None and shown.id == self._entry.id:
            self.facts.show_facts(shown.facts)
            self.value.show_value(shown, self._studio.settings.prices)

    def _refuse(self, error: CacheStudioError) -> None:
        self._held.stop()
        self.value.show_message(f"{error.message} {error.hint}".strip())

    def _copy_key(self) -> None:
        if self._entry is None:
            return
        key = self._entry.key
        try:
            key.encode()
        except UnicodeEncodeError:  # bytes that are no text: only their escapes can go on a clipboard
            key = display_text(key, len(key))
        QGuiApplication.clipboard().setText(key)
        self.message.emit(tr("The key is copied."))

    def _ask_and_save(self, found: ShownPiece) -> None:
        if self._entry is None:
            return
        name = file_name(self._entry.key, found)
        # The dialog itself asks before a file is replaced.
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the stored bytes"), name)
        if path:
            self.save_to(found, Path(path))
