"""Asks what to clear: the whole cache, or one namespace."""

import time

from PySide6.QtWidgets import QComboBox, QRadioButton, QWidget

from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.dialogs.plan_words import entries_words, group_name
from cache_studio.gui.look.text import display_text, tr
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.statistics import Group, by_namespace
from cache_studio.model.units import format_size
from cache_studio.services.attachment import Attachment


class ClearDialog(AskingDialog):
    """Accepting goes on to the plan; nothing is removed here."""

    def __init__(self, parent: QWidget | None, attachment: Attachment) -> None:
        name = display_text(attachment.place.name, 200)
        title = tr("Clear {name}").format(name=name)
        sentence = tr("Removes fresh entries as well as stale ones.")
        super().__init__(parent, "clear", "urgent", title, sentence, tr("Show the plan"), attachment.place)
        self._names: list[str] = []
        view = attachment.standing.view
        self.whole = QRadioButton(tr("The whole cache"))
        self.one = QRadioButton(tr("One namespace"))
        self.whole.setChecked(True)
        self.one.setEnabled(False)
        self.names = QComboBox()
        self.names.setEnabled(False)
        self.names.setAccessibleName(tr("Namespace to clear"))
        self.names.activated.connect(lambda _row: self.one.setChecked(True))
        for widget in (self.whole, self.one, self.names):
            self.body.addWidget(widget)
        self.build()
        if view is not None:
            self.tasks.run("namespaces", lambda stop: by_namespace(view, time.time()), self._show, self._refuse)

    def namespace(self) -> str | None:
        """The namespace to clear; None for the whole cache."""
        return self._names[self.names.currentIndex()] if self.one.isChecked() and self._names else None

    def _show(self, groups: list[Group]) -> None:
        entries, size = sum(group.entries for group in groups), sum(group.size for group in groups)
        self.whole.setText(
            tr("The whole cache: {entries}, {size}").format(entries=entries_words(entries), size=format_size(size))
        )
        if len(groups) < 2:
            return
        self._names = [group.name for group in groups]
        for group in groups:
            words = f"{group_name(group.name)}: {entries_words(group.entries)}, {format_size(group.size)}"
            self.names.addItem(display_text(words, 200))
        self.one.setEnabled(True)
        self.names.setEnabled(True)

    def _refuse(self, error: CacheStudioError) -> None:
        self.names.addItem(display_text(error.message, 200))
