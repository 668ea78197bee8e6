"""The status line: totals at the left, trash and attached caches at the right."""

from PySide6.QtWidgets import QSizePolicy, QStatusBar, QWidget

from cache_studio.gui.controller import Controller
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.bars import StateDot
from cache_studio.model.units import format_size


class StatusLine(QStatusBar):
    """Says what is shown, what waits for undo, and how many caches are attached."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setSizeGripEnabled(False)
        self._totals = plain_label(tr("No cache attached"), "strong")
        self._totals.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._trash = plain_label("", "note")
        self._dot = StateDot("fresh")
        self._attached = plain_label("", "note")
        self.setContentsMargins(10, 0, 14, 0)
        self.addWidget(self._totals, 1)
        self.addPermanentWidget(self._trash)
        self.addPermanentWidget(self._dot)
        self.addPermanentWidget(self._attached)
        self._dot.hide()
        controller.attaching.connect(self._show_attaching)
        controller.attached.connect(self.clearMessage)
        controller.refused.connect(self.clearMessage)

    def show_totals(self, words: str) -> None:
        """Say what is shown now."""
        self._totals.setText(words or tr("No cache attached"))

    def show_attached(self, count: int) -> None:
        """Say how many caches are attached."""
        self._dot.setVisible(count > 0)
        words = tr("1 cache attached") if count == 1 else tr("{n} caches attached").replace("{n}", str(count))
        self._attached.setText(words if count else tr("Looking is read-only. A cache changes only when you say so."))
        self._trash.setVisible(count > 0)

    def _show_attaching(self, target: str) -> None:
        self.showMessage(tr("Attaching {name}").replace("{name}", display_text(target, 80)))

    def read_trash(self) -> None:
        """Read anew what waits in the trash."""
        if self._controller.is_ready:
            trash = self._controller.studio.trash
            self._controller.tasks.run("trash usage", lambda _stop: trash.usage(), self._on_usage, lambda _error: None)

    def _on_usage(self, usage: tuple[int, int]) -> None:
        entries, size = usage
        days = self._controller.studio.settings.trash_days
        kept = tr("Undo kept {n} days").replace("{n}", str(days))
        self._trash.setText(
            f"{kept}, {format_size(size)} {tr('in trash')}" if entries else f"{kept}, {tr('trash empty')}"
        )
