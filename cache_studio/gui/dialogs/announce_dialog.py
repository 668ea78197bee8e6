"""Asks before a setting of a server is changed so that it announces changes and misses."""

from PySide6.QtWidgets import QWidget

from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.services.attachment import Attachment


class AnnounceDialog(AskingDialog):
    """Accepting asks for it; nothing is changed here."""

    def __init__(self, parent: QWidget | None, attachment: Attachment) -> None:
        name = display_text(attachment.place.name, 200)
        super().__init__(
            parent,
            "info",
            "accent",
            tr("Let the server of {name} announce changes").format(name=name),
            tr("Misses are then told by reason and by key, and changes are listed at once."),
            tr("Let it announce"),
        )
        for words in (
            tr("Its setting notify-keyspace-events is completed by what is missing; nothing that is set is left out."),
            tr("It is set back when this cache is detached, and after a crash when it is attached again."),
            tr("It costs the server less than a microsecond for each change and each miss, of all its databases."),
        ):
            label = plain_label(words, "small")
            label.setWordWrap(True)
            self.body.addWidget(label)
        self.build()
