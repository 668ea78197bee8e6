"""Find by key: the dialog, and how the table of a page goes to what was found."""

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.dialogs.find_key_dialog import FindKeyDialog
from cache_studio.gui.item_models.entry_rows import EntryRows
from cache_studio.gui.look.text import tr
from cache_studio.gui.tabs import ENTRIES
from cache_studio.gui.tasks import Tasks
from cache_studio.model.identity import EntryId


def ask_for_key(window: QWidget, tasks: Tasks, page: CachePage) -> None:
    """Open the dialog; what it finds is selected in the table then."""
    searching = bool(page.entries.feed.expression.strip())
    remark = tr("The search in force is cleared if it hides the entry.") if searching else ""
    dialog = FindKeyDialog(window, tasks, page.attachment, remark)
    dialog.found.connect(lambda entries: show_entries(page, [entry.id for entry in entries]))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def show_entries(page: CachePage, ids: Sequence[EntryId]) -> None:
    """Go to the tab Entries and choose these; a search that hides one of them is cleared."""
    page.show_tab(ENTRIES)
    tab = page.entries
    if tab.table.choose(ids) or not tab.feed.expression.strip():
        return

    def on_listed(shown: EntryRows) -> None:
        if not shown.listing.expression.strip():
            tab.feed.listed.disconnect(on_listed)
            tab.table.choose(ids)

    tab.feed.listed.connect(on_listed)
    tab.set_expression("")
