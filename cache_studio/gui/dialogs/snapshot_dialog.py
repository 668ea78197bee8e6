"""Writes the statistics of this moment to a file, and compares two older snapshots' figures."""

from pathlib import Path
from threading import Event
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cache_studio.gui.dialogs.export_dialog import FileLine
from cache_studio.gui.dialogs.frame import DialogHead, Foot, FrameDialog, error_note, field_rows, separator
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.gui.widgets.segmented import SegmentedButtons
from cache_studio.model.errors import CacheStudioError
from cache_studio.reports import snapshots
from cache_studio.reports.credentials import Masking
from cache_studio.services.attachment import Attachment
from cache_studio.services.exporting import SNAPSHOT_FORMATS, snapshot, write_snapshot
from cache_studio.services.studio import Studio

WIDTH = 600
_NAMES = {"JSON": "json", "CSV": "csv", "Markdown": "md", "HTML": "html"}
"""Words of a format -> its name, which is the file's ending too."""


class SnapshotDialog(FrameDialog):
    """Save a snapshot as JSON, CSV, Markdown or HTML; or hold this moment beside a snapshot saved as JSON."""

    def __init__(self, parent: QWidget | None, tasks: Tasks, studio: Studio, attachment: Attachment) -> None:
        super().__init__(parent, tr("Snapshot"), WIDTH)
        self._tasks, self._task = tasks, f"snapshot {id(self)}"
        self._studio, self._attachment = studio, attachment
        self.formats = SegmentedButtons(tr("Format"), [name for name, end in _NAMES.items() if end in SNAPSHOT_FORMATS])
        self.file = FileLine(tr("File"), tr("Save a snapshot"))
        self.save_button = PrimaryButton(tr("Save snapshot"))
        self.compare_button = SecondaryButton(tr("Compare with an older one…"))
        self._result = QVBoxLayout()
        self._shown: QWidget | None = None
        self.formats.chosen.connect(lambda _name: self._suggest())
        self.file.edit.textChanged.connect(lambda text: self.save_button.setEnabled(bool(text.strip())))
        self.save_button.clicked.connect(self._save)
        self.compare_button.clicked.connect(self._ask_older)
        self._build()
        self._suggest()

    def reject(self) -> None:
        """Close; what is under way is not waited for."""
        self._tasks.drop(self._task)
        super().reject()

    def compare_with(self, path: Path) -> None:
        """Show the figures of now beside those of a snapshot saved as JSON."""
        attachment = self._attachment

        def work(stop: Event) -> dict[str, Any]:
            return snapshots.comparison_object(snapshots.read_snapshot(path), snapshot(attachment))

        self._tasks.run(self._task, work, lambda found: self._show(_table(found)), self._refuse)

    def _build(self) -> None:
        name = self._attachment.place.name
        sentence = tr("The figures of this moment: entries, sizes, hit rate, namespaces; HTML has the plots too.")
        head = DialogHead("snapshot", "accent", tr("Snapshot of {name}").format(name=name), sentence)
        head.close_button.clicked.connect(self.reject)
        kinds = QWidget()
        row = QHBoxLayout(kinds)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.formats)
        row.addStretch(1)
        form = field_rows(((tr("Format"), kinds), (tr("File"), self.file)))
        close = SecondaryButton(tr("Close"))
        close.clicked.connect(self.reject)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(head)
        layout.addLayout(form)
        layout.addLayout(self._result)
        layout.addWidget(separator())
        layout.addWidget(Foot(None, [self.compare_button, close, self.save_button]))
        self.show_content(page)
        close.setFocus()

    def _suggest(self) -> None:
        ending = _NAMES[self.formats.current()]
        stem = "".join(char if char.isalnum() else "-" for char in self._attachment.place.name).strip("-")
        self.file.suggestion = f"{stem or 'cache'}-snapshot.{ending}"
        if self.file.edit.text().strip():
            self.file.edit.setText(str(self.file.path().with_suffix(f".{ending}")))
        self.save_button.setEnabled(bool(self.file.edit.text().strip()))

    def _save(self) -> None:
        path, replace, name = self.file.path(), self.file.may_replace(), _NAMES[self.formats.current()]
        attachment, monitor = self._attachment, self._studio.monitor

        def work(stop: Event) -> None:
            write_snapshot(Masking().masked(snapshot(attachment, monitor)), path, format_name=name, replace=replace)

        def saved(_none: None) -> None:
            self._show(IconNote("check", tr("Saved as {path}.").format(path=display_text(str(path))), "fresh", "small"))

        self._tasks.run(self._task, work, saved, self._refuse)

    def _ask_older(self) -> None:
        found, _ = QFileDialog.getOpenFileName(self, tr("An older snapshot"), "", tr("Snapshots (*.json)"))
        if found:
            self.compare_with(Path(found))

    def _refuse(self, error: CacheStudioError) -> None:
        self._show(error_note(error.message, error.hint))

    def _show(self, widget: QWidget) -> None:
        old, self._shown = self._shown, widget
        if old is not None:
            self._result.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._result.addWidget(widget)
        widget.show()
        self.refit()


def _table(comparison: dict[str, Any]) -> QWidget:
    """Figures before, now, and the change."""
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(5)
    grid.setColumnStretch(0, 1)
    before = display_text(str(comparison["before"]["at"]), 40)
    rows = [(tr("figure"), before, tr("now"), tr("change"))]
    for name, figure in comparison["figures"].items():
        values = [snapshots.shown(name, figure[when]) for when in ("before", "after", "change")]
        change = values[2] if figure["change"] is None or figure["change"] <= 0 else f"+{values[2]}"
        rows.append((tr(name.replace("_", " ")), values[0], values[1], change))
    for at, row in enumerate(rows):
        for column, words in enumerate(row):
            label = plain_label(words, "note" if at == 0 else "small")
            side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            grid.addWidget(label, at, column, side)
    return box
