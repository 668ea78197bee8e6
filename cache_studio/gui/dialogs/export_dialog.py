"""Writes the entries that are shown, chosen or all to a file, with progress and Stop."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from cache_studio.gui.dialogs.frame import DialogHead, Foot, FrameDialog, error_note, field_rows, separator
from cache_studio.gui.dialogs.plan_words import entries_words
from cache_studio.gui.dialogs.progress_page import ProgressPage
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.tasks import Stop, Tasks
from cache_studio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.units import format_count
from cache_studio.reports.credentials import Masking
from cache_studio.services.attachment import Attachment
from cache_studio.services.browse import Listing
from cache_studio.services.exporting import ENTRY_FORMATS, entry_rows, export_entries
from cache_studio.services.studio import Studio

WIDTH = 560
Rows = NDArray[np.integer[Any]]
"""Rows of a view, in order."""


class FileLine(QWidget):
    """A path with Browse beside it; the file dialog asks before a file is replaced, a typed path does not replace."""

    def __init__(self, name: str, title: str) -> None:
        super().__init__()
        self._title = title
        self.chosen = ""
        self.edit = QLineEdit()
        self.edit.setAccessibleName(name)
        self.edit.setPlaceholderText(tr("Choose a file"))
        self.browse = SecondaryButton(tr("Browse…"))
        self.browse.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.browse)
        self.suggestion = ""

    def path(self) -> Path:
        """The path as it stands, `~` being the home folder."""
        return Path(self.edit.text().strip()).expanduser()

    def may_replace(self) -> bool:
        """Whether the file dialog asked about exactly this path."""
        return bool(self.chosen) and self.edit.text() == self.chosen

    def _browse(self) -> None:
        found, _ = QFileDialog.getSaveFileName(self, self._title, self.edit.text() or self.suggestion)
        if found:
            self.chosen = found
            self.edit.setText(found)


class ExportDialog(FrameDialog):
    """Which entries, as what, where; then progress, then what was written."""

    def __init__(
        self,
        parent: QWidget | None,
        tasks: Tasks,
        studio: Studio,
        attachment: Attachment,
        listing: Listing,
        selected: Sequence[int] = (),
    ) -> None:
        super().__init__(parent, tr("Export"), WIDTH)
        self._tasks, self._task = tasks, f"export {id(self)}"
        self._name = attachment.place.name
        self._listing = listing
        view = listing.view
        self.scopes: list[tuple[str, Rows]] = [(tr("The entries shown"), listing.rows)]
        if len(selected):
            self.scopes.append((tr("The selected entries"), np.asarray(selected, np.intp)))
        if len(listing.rows) != len(view):
            self.scopes.append((tr("All entries"), view.rows()))
        self._progress: ProgressPage | None = None
        self.scope, self.format, self.file = QComboBox(), QComboBox(), FileLine(tr("File"), tr("Export entries"))
        for words, rows in self.scopes:
            self.scope.addItem(f"{words}: {format_count(len(rows))}")
        self.format.addItems([name.upper() for name in ENTRY_FORMATS])
        self.format.currentIndexChanged.connect(lambda _row: self._suggest())
        self.file.edit.textChanged.connect(lambda _text: self._update())
        self.show_secrets = QCheckBox(tr("Write what looks like a credential as it is"))
        self.export_button = PrimaryButton(tr("Export"))
        self.export_button.clicked.connect(self._run)
        self._problem: QWidget | None = None
        self._ask()

    def reject(self) -> None:
        """Close; an export under way is stopped and leaves no file."""
        self._tasks.drop(self._task)
        super().reject()

    def _ask(self) -> None:
        page = QWidget()
        self._layout_page = layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        title = tr("Export entries of {name}").format(name=self._name)
        head = DialogHead("export", "accent", title, tr("Keys, times, sizes and tags; values stay in the cache."))
        head.close_button.clicked.connect(self.reject)
        form = field_rows(((tr("Entries"), self.scope), (tr("Format"), self.format), (tr("File"), self.file)))
        cancel = SecondaryButton(tr("Cancel"))
        cancel.clicked.connect(self.reject)
        layout.addWidget(head)
        layout.addLayout(form)
        layout.addWidget(self.show_secrets)
        layout.addWidget(separator())
        layout.addWidget(Foot(None, [cancel, self.export_button]))
        self._suggest()
        self.show_content(page)
        self.file.edit.setFocus()

    def _suggest(self) -> None:
        name = ENTRY_FORMATS[self.format.currentIndex()]
        stem = "".join(char if char.isalnum() else "-" for char in self._name).strip("-") or "entries"
        self.file.suggestion = f"{stem}.{name}"
        if self.file.edit.text().strip():
            self.file.edit.setText(str(self.file.path().with_suffix(f".{name}")))
        self._update()

    def _update(self) -> None:
        self.export_button.setEnabled(bool(self.file.edit.text().strip()))

    def _run(self) -> None:
        path, replace = self.file.path(), self.file.may_replace()
        name, rows = ENTRY_FORMATS[self.format.currentIndex()], self.scopes[self.scope.currentIndex()][1]
        view = self._listing.view
        masking, as_it_is = Masking(), self.show_secrets.isChecked()
        progress = self._progress = ProgressPage(tr("Exporting {name}").format(name=self._name))
        progress.stop_button.clicked.connect(self.reject)

        def tell(done: int) -> None:
            self._tasks.tell(lambda: self._show_progress(done, len(rows)))

        def work(stop: Stop) -> str:
            found = entry_rows(view, rows.tolist(), time.time(), stop.between_steps, tell)
            export_entries(path, found if as_it_is else masking.rows(found), format_name=name, replace=replace)
            written = tr("{entries} written to {path}.")
            words = written.format(entries=entries_words(len(rows)), path=display_text(str(path)))
            return f"{words} {masking.said()}".strip()

        self._swap(progress)
        self._tasks.run(self._task, work, self._end, self._refuse)

    def _swap(self, page: QWidget) -> None:
        """Show `page`; the fields live on for another try."""
        for widget in (self.scope, self.format, self.file, self.show_secrets, self.export_button):
            widget.setParent(self)
            widget.hide()
        self.show_content(page)

    def _show_progress(self, done: int, planned: int) -> None:
        if self._progress is not None and self.isVisible():
            words = tr("{done} of {planned} entries").format(done=format_count(done), planned=format_count(planned))
            self._progress.show_progress(done, planned, words)

    def _end(self, words: str) -> None:
        self._progress = None
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        head = DialogHead("check", "fresh", tr("Exported"), words)
        head.close_button.clicked.connect(self.accept)
        close = SecondaryButton(tr("Close"))
        close.clicked.connect(self.accept)
        layout.addWidget(head)
        layout.addWidget(Foot(None, [close]))
        self.show_content(page)
        close.setFocus()

    def _refuse(self, error: CacheStudioError) -> None:
        self._progress = None
        for widget in (self.scope, self.format, self.file, self.show_secrets, self.export_button):
            widget.show()
        self._ask()
        note = error_note(error.message, error.hint)
        self._layout_page.insertWidget(2, note)
        note.show()
        self.refit()
