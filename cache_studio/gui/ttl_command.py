"""Set TTL: which entries of a page it is about, the dialog, and the undo bar behind it."""

from collections.abc import Callable

import numpy as np
from PySide6.QtWidgets import QWidget

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.dialogs.ttl_dialog import Chosen, TtlDialog
from cache_studio.gui.dialogs.ttl_words import done_words
from cache_studio.model.ttl import TtlOutcome, TtlPlan
from cache_studio.services.browse import current_view
from cache_studio.services.studio import Studio


def chosen_entries(page: CachePage) -> Callable[[], Chosen] | None:
    """The selected rows, else what the applied expression selects; None where neither chooses any.

    The function is for another thread than the window's: there may be a million.
    """
    ids, attachment = page.entries.table.chosen_ids(), page.attachment
    if ids:

        def selected() -> Chosen:
            view = current_view(attachment)
            return Chosen(view, np.asarray([row for row in map(view.row_of, ids) if row is not None], np.intp))

        return selected
    shown = page.entries.feed.shown
    if shown is None or not shown.listing.expression.strip():
        return None
    listing = shown.listing
    return lambda: Chosen(listing.view, np.flatnonzero(listing.matched.true), listing.matched)


def ask_for_ttl(
    window: QWidget, studio: Studio, page: CachePage, choose: Callable[[], Chosen], changed: Callable[[], None]
) -> TtlDialog:
    """Open the dialog; what it did stands in the undo bar of the page then, and `changed` is called."""
    dialog = TtlDialog(window, studio, page.attachment, choose)

    def done(plan: TtlPlan, outcome: TtlOutcome) -> None:
        page.entries.show_bar(done_words(plan, outcome), can_undo=outcome.undo_id is not None)
        changed()

    dialog.finished_action.connect(done)
    dialog.open()
    return dialog
