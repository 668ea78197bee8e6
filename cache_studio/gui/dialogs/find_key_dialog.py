"""Asks for a key and looks for its entries, also where the cache stores only a hash of it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.model.entries import Entry
from cache_studio.model.errors import CacheStudioError
from cache_studio.services.attachment import Attachment
from cache_studio.services.find import find_entries


class FindKeyDialog(AskingDialog):
    """Closes when something was found; until then it says in a sentence that there is none.

    `tasks` are the window's: a search that takes long must not hold the window when the dialog is cancelled.

    `remark` is said until there is an answer.

    Signals:
        found(list[Entry]): the entries with that key, at least one.
    """

    found = Signal(object)

    def __init__(self, parent: QWidget | None, tasks: Tasks, attachment: Attachment, remark: str) -> None:
        sentence = tr("The key as the application writes it, also where the cache stores only a hash of it.")
        super().__init__(parent, "search", "accent", tr("Find by key"), sentence, tr("Find"))
        self._window_tasks, self._attachment, self._remark = tasks, attachment, remark
        self._task = f"find key {id(self)}"
        self.key = QLineEdit()
        self.key.setAccessibleName(tr("Key"))
        self.key.setPlaceholderText(tr("Key"))
        self.note = plain_label("", "small")
        self.note.setWordWrap(True)
        self.body.addWidget(self.key)
        self.body.addWidget(self.note)
        self.accept_button.setDefault(True)
        self.build()
        self._on_edited("")
        self.key.textChanged.connect(self._on_edited)
        self.key.setFocus()

    def accept(self) -> None:
        """Look for the key; only what was found closes the dialog."""
        key, attachment = self.key.text(), self._attachment
        if not self.accept_button.isEnabled():
            return
        self.accept_button.setEnabled(False)
        self._say(tr("Looking for it…"))
        self._window_tasks.run(
            self._task, lambda _stop: find_entries(attachment, key, None), self._on_answer, self._on_error
        )

    def done(self, result: int) -> None:
        """Want no answer any more."""
        self._window_tasks.drop(self._task)
        super().done(result)

    def _on_edited(self, key: str) -> None:
        self._window_tasks.drop(self._task)
        self.accept_button.setEnabled(bool(key))
        self._say(self._remark)

    def _on_answer(self, entries: list[Entry]) -> None:
        if entries:
            super().accept()
            self.found.emit(entries)
            return
        self._refuse(tr("There is no entry with the key “{key}”.").replace("{key}", display_text(self.key.text(), 200)))

    def _on_error(self, error: CacheStudioError) -> None:
        self._refuse(f"{error.message} {error.hint}".strip())

    def _refuse(self, words: str) -> None:
        self._say(words)
        self.accept_button.setEnabled(True)
        self.key.setFocus()
        self.key.selectAll()

    def _say(self, words: str) -> None:
        self.note.setText(display_text(words, 600))
        self.note.setVisible(bool(words))
        self.refit()
