"""Asks before the trash is emptied: the numbers, and that there is no way back."""

from PySide6.QtWidgets import QWidget

from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.dialogs.plan_words import entries_words
from cache_studio.gui.look.text import tr
from cache_studio.gui.trash.waiting_rows import Found
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.model.units import format_size


class EmptyDialog(AskingDialog):
    """Accepting deletes; the focus is on Cancel."""

    def __init__(self, parent: QWidget | None, found: Found) -> None:
        entries = entries_words(found.entries)
        title = tr("Delete {entries} for good?").replace("{entries}", entries)
        words = tr("{entries}, {size}, of all caches. Undo will not bring them back.")
        told = words.replace("{entries}", entries).replace("{size}", format_size(found.bytes))
        super().__init__(parent, "clear", "urgent", title, told, tr("Delete {entries}").replace("{entries}", entries))
        self.accept_button.setProperty("kind", "danger")
        self.body.addWidget(IconNote("info", tr("The caches themselves stay as they are.")))
        self.build()
