"""Asks before a server that opens read-only is attached for changes: names the place."""

from PySide6.QtWidgets import QWidget

from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.model.environments import Environment
from cache_studio.services.attachment import Place


class AllowChangesDialog(AskingDialog):
    """Accepting means: attach it for changes. The focus is on Cancel."""

    def __init__(self, parent: QWidget | None, place: Place) -> None:
        name = display_text(place.name, 200)
        production = place.environment is Environment.PRODUCTION
        what = tr("This is production.") if production else tr("This server is not on this machine.")
        title = tr("Allow changes to {name}?").format(name=name)
        super().__init__(parent, "lock", "urgent", title, what, tr("Allow changes"), place)
        lasts = (
            tr("It opens read-only again the next time.")
            if production
            else tr("It is remembered. Switch it off again in the same menu.")
        )
        plans = tr("Entries can then be removed from here, each time with a plan before.")
        note = plain_label(f"{plans} {lasts}", "note")
        note.setWordWrap(True)
        self.body.addWidget(note)
        self.build()
