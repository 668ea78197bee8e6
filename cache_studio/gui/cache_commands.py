"""What the actions of the window do to the cache that is shown: plans, undo, export, looking again."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.controller import Controller
from cache_studio.gui.look.text import tr
from cache_studio.gui.messages import show_error, show_notice
from cache_studio.gui.undoing import Undoing
from cache_studio.model.identity import EntryId
from cache_studio.model.plans import Outcome, Plan, Verb
from cache_studio.model.units import format_count, format_size
from cache_studio.services import plans
from cache_studio.services.attachment import Attachment

LOOK_AGAIN_MS = 2_000
"""After an action on a format whose application may bring entries back."""
_DONE = {
    Verb.INVALIDATE: "Invalidated {n} entries",
    Verb.PURGE: "Purged {n} entries",
    Verb.EVICT: "Evicted {n} entries",
    Verb.CLEAR: "Cleared {n} entries",
}
_DONE_ONE = {verb: words.replace("{n} entries", "1 entry") for verb, words in _DONE.items()}


@dataclass
class _LastPlan:
    """The plan that a dialog made, kept to say afterwards what came back."""

    plan: Plan | None = None

    def ids(self) -> list[EntryId]:
        """The entries it was about."""
        return [] if self.plan is None else [self.plan.view.ids[row] for row in self.plan.rows.tolist()]


class CacheCommands(QObject):
    """The handlers of the actions that need a cache.

    Signals:
        changed(Attachment): something was removed or came back: trash and activity are others now.
    """

    changed = Signal(object)

    def __init__(self, controller: Controller, window: QWidget, current: Callable[[], CachePage | None]) -> None:
        super().__init__(window)
        self._controller, self._window, self._current = controller, window, current
        self.undoing = Undoing(controller, self)
        self.undoing.done.connect(self.changed)
        self.undoing.refused.connect(lambda error: show_error(window, error))

    # -- removing ----------------------------------------------------------------------------------------------

    def invalidate(self) -> None:
        """Remove the selected rows, or without any what the expression selects."""
        page = self._current()
        if page is None:
            return
        ids = page.entries.table.chosen_ids()
        if not ids:
            self.invalidate_matching()
            return
        attachment = page.attachment
        self._plan(page, lambda: plans.plan_invalidate_ids(attachment, ids, time.time()))

    def invalidate_matching(self) -> None:
        """Remove what the applied expression selects."""
        page = self._current()
        if page is None or page.entries.feed.shown is None:
            return
        listing, attachment = page.entries.feed.shown.listing, page.attachment
        if not listing.expression.strip():
            show_notice(
                self._window,
                tr("Select rows or write an expression first. To remove everything use Clear."),
            )
            return
        self._plan(
            page,
            lambda: plans.plan_invalidate(attachment, listing.matched, listing.view, listing.expression, time.time()),
        )

    def purge(self) -> None:
        """Remove every stale entry."""
        page = self._current()
        if page is not None:
            attachment = page.attachment
            self._plan(page, lambda: plans.plan_purge(attachment, time.time()))

    def evict(self) -> None:
        """Remove by a policy down to a limit."""
        page = self._current()
        if page is None:
            return
        from cache_studio.gui.dialogs.evict_dialog import EvictDialog  # dialogs are loaded when they are needed

        attachment, dialog = page.attachment, EvictDialog(self._window, page.attachment)

        def chosen() -> None:
            policy, entries, size = dialog.choice()
            self._plan(
                page, lambda: plans.plan_evict(attachment, policy, time.time(), to_entries=entries, to_size=size)
            )

        dialog.accepted.connect(chosen)
        dialog.open()

    def clear(self) -> None:
        """Remove everything, or a namespace."""
        page = self._current()
        if page is None:
            return
        from cache_studio.gui.dialogs.clear_dialog import ClearDialog  # dialogs are loaded when they are needed

        attachment, dialog = page.attachment, ClearDialog(self._window, page.attachment)

        def chosen() -> None:
            namespace = dialog.namespace()
            self._plan(page, lambda: plans.plan_clear(attachment, namespace, time.time()))

        dialog.accepted.connect(chosen)
        dialog.open()

    def set_ttl(self) -> None:
        """Change the TTL of the selected rows, or without any of what the expression selects."""
        page = self._current()
        if page is None:
            return
        from cache_studio.gui.ttl_command import ask_for_ttl, chosen_entries  # dialogs are loaded when they are needed

        choose = chosen_entries(page)
        if choose is None:
            show_notice(self._window, tr("Select rows or write an expression first."))
            return
        ask_for_ttl(self._window, self._controller.studio, page, choose, lambda: self.changed.emit(page.attachment))

    def compact(self) -> None:
        """Give unused space back."""
        page = self._current()
        if page is None:
            return
        from cache_studio.gui.dialogs.compact_dialog import CompactDialog  # dialogs are loaded when they are needed

        attachment = page.attachment
        dialog = CompactDialog(self._window, self._controller.tasks, self._controller.studio, attachment)
        dialog.finished.connect(lambda _code: self.changed.emit(attachment))
        dialog.open()

    def _plan(self, page: CachePage, make_plan: Callable[[], Plan]) -> None:
        from cache_studio.gui.dialogs.plan_dialog import PlanDialog  # dialogs are loaded when they are needed

        last, studio = _LastPlan(), self._controller.studio

        def make() -> Plan:
            last.plan = plans.with_room(make_plan(), studio.trash, studio.settings.trash_bytes)
            return last.plan

        dialog = PlanDialog(self._window, self._controller.tasks, self._controller.studio, page.attachment, make)
        dialog.finished_action.connect(lambda outcome: self._on_done(page, outcome, last))
        dialog.open()

    def _on_done(self, page: CachePage, outcome: Outcome, last: _LastPlan) -> None:
        page.entries.show_bar(done_words(outcome), can_undo=outcome.undo_id is not None)
        self.changed.emit(page.attachment)
        if outcome.removed:
            QTimer.singleShot(LOOK_AGAIN_MS, page, lambda: self._look_again(page, outcome, last.ids()))

    def _look_again(self, page: CachePage, outcome: Outcome, ids: list[EntryId]) -> None:
        attachment = page.attachment
        held = bool(attachment.standing.returns_entries)
        if held:  # else the listing that follows every action is enough
            attachment.refresh()

        def count(view_of: Attachment) -> int:
            view = view_of.standing.view
            return 0 if view is None else sum(view.row_of(one) is not None for one in ids)

        def tell(back: int) -> None:
            if not page.entries.undo_bar.isVisible():
                return
            left = outcome.planned - outcome.removed
            came = max(0, back - left)
            told = came_back_words(came) if held else still_there_words(came)
            page.entries.show_bar(f"{done_words(outcome)} {told}".strip(), can_undo=outcome.undo_id is not None)

        name = f"came back {id(page)}"
        tasks = self._controller.tasks

        def look() -> None:
            tasks.run(name, lambda _stop: count(attachment), tell, lambda _error: None)

        tasks.follow(
            name,
            attachment.listed(),
            lambda _standing: look(),
            lambda _error: None,
        )

    # -- undo ------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        """Bring back what the newest action on this cache removed."""
        page = self._current()
        if page is not None:
            self.undoing.newest(page)

    def undo_action(self, page: CachePage, action_id: str) -> None:
        """Bring back what one action removed."""
        self.undoing.one(page, action_id)

    # -- looking ---------------------------------------------------------------------------------------------

    def find_key(self) -> None:
        """Ask for a key and go to its entry."""
        page = self._current()
        if page is not None:
            from cache_studio.gui.find_command import ask_for_key  # dialogs are loaded when they are needed

            ask_for_key(self._window, self._controller.tasks, page)

    def refresh(self) -> None:
        """List anew."""
        page = self._current()
        if page is not None:
            page.attachment.refresh()

    def pause(self) -> None:
        """Stop to follow the cache, or go on."""
        from cache_studio.services.standing import Phase

        page = self._current()
        if page is not None:
            page.attachment.pause(page.attachment.standing.phase is not Phase.PAUSED)

    def copy_key(self) -> None:
        """Put the key of the current entry on the clipboard."""
        page = self._current()
        entry = None if page is None else page.entries.current_entry()
        if entry is not None:
            QApplication.clipboard().setText(entry.key.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))

    def export(self) -> None:
        """Write the entries shown to a file."""
        page = self._current()
        if page is None or page.entries.feed.shown is None:
            return
        from cache_studio.gui.dialogs.export_dialog import ExportDialog  # dialogs are loaded when they are needed

        controller = self._controller
        table = page.entries.table
        if table.entries.shown is None:
            return
        listing = table.entries.shown.listing
        chosen = table.chosen_positions()
        rows = listing.rows[chosen].tolist() if chosen.size > 1 else ()
        ExportDialog(self._window, controller.tasks, controller.studio, page.attachment, listing, rows).open()

    def snapshot(self) -> None:
        """Write the statistics of this moment to a file."""
        page = self._current()
        if page is None:
            return
        from cache_studio.gui.dialogs.snapshot_dialog import SnapshotDialog  # dialogs are loaded when they are needed

        SnapshotDialog(self._window, self._controller.tasks, self._controller.studio, page.attachment).open()


def done_words(outcome: Outcome) -> str:
    """What an action did, in one line: "Purged 312 entries, 1.1 MB."."""
    table = _DONE_ONE if outcome.removed == 1 else _DONE
    head = tr(table[outcome.action]).replace("{n}", format_count(outcome.removed))
    words = [f"{head}, {format_size(outcome.freed_bytes)}." if outcome.freed_bytes else f"{head}."]
    if outcome.changed_meanwhile:
        words.append(tr("{n} changed meanwhile and stayed.").replace("{n}", format_count(outcome.changed_meanwhile)))
    if outcome.gone:
        words.append(tr("{n} already gone.").replace("{n}", format_count(outcome.gone)))
    if outcome.failed:
        reason = f" {outcome.reasons[0]}" if outcome.reasons else ""
        words.append(tr("{n} failed.").replace("{n}", format_count(outcome.failed)) + reason)
    elif outcome.reasons:
        words.append(outcome.reasons[0])
    if outcome.stopped:
        words.append(tr("Stopped before the end."))
    return " ".join(words)


def still_there_words(count: int) -> str:
    """What the next listing said of a cache that no application holds in memory; "" when they are gone."""
    if not count:
        return ""
    words = tr("1 is there again") if count == 1 else tr("{n} are there again").replace("{n}", format_count(count))
    return words + tr(": stored anew by an application, or the removal had no effect.")


def came_back_words(count: int) -> str:
    """What was seen two seconds after an action."""
    if not count:
        return tr("None came back so far.")
    words = tr("1 came back") if count == 1 else tr("{n} came back").replace("{n}", format_count(count))
    return words + tr(": the application holds them in memory.")
