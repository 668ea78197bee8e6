"""Undo: finds the action, brings its entries back, and tells how far it is in the bar under the table."""

from collections.abc import Callable
from threading import Event

from PySide6.QtCore import QObject, Signal

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.controller import Controller
from cache_studio.gui.look.text import tr
from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.model.plans import Progress, UndoOutcome, Verb
from cache_studio.model.units import format_count
from cache_studio.services.act import undo
from cache_studio.trash.index import Action
from cache_studio.trash.trash import Trash


class Undoing(QObject):
    """Undo for the pages of a window.

    Signals:
        done(Attachment): entries came back.
        refused(CacheStudioError): there is nothing to undo, or it could not be done.
    """

    done = Signal(object)
    refused = Signal(object)

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._busy: set[CachePage] = set()

    def newest(self, page: CachePage) -> None:
        """Undo the newest action on this cache of which something waits in the trash."""
        target, trash = str(page.attachment.place.target), self._controller.studio.trash
        self._find(page, lambda: newest_action(trash, target))

    def one(self, page: CachePage, action_id: str) -> None:
        """Undo one action."""
        trash = self._controller.studio.trash
        self._find(page, lambda: trash.action(action_id))

    def _find(self, page: CachePage, find: Callable[[], Action]) -> None:
        if page in self._busy:
            return
        self._busy.add(page)

        def look(_stop: Event) -> Action:
            return find()

        name = f"find action {id(page)}"
        self._controller.tasks.run(
            name, look, lambda action: self._run(page, action), lambda error: self._fail(page, error)
        )

    def _run(self, page: CachePage, action: Action) -> None:
        tasks, tab = self._controller.tasks, page.entries
        doing = tr("Bringing back")

        def tell(progress: Progress) -> None:
            words = f"{doing} {format_count(progress.done)} {tr('of')} {format_count(progress.planned)}…"
            tasks.tell(lambda: tab.show_bar(words, can_undo=False))

        tab.show_bar(f"{doing} {format_count(action.waiting)} {tr('entries')}…", can_undo=False)
        running = undo(page.attachment, action, self._controller.studio.trash, tell)
        tasks.follow(
            f"undo {id(page)}",
            running.future,
            lambda outcome: self._end(page, outcome, action.verb),
            lambda error: self._fail(page, error),
        )

    def _end(self, page: CachePage, outcome: UndoOutcome, verb: str) -> None:
        self._busy.discard(page)
        words = ttl_undone_words(outcome) if verb == Verb.TTL else undone_words(outcome)
        page.entries.show_bar(words, can_undo=False)
        self.done.emit(page.attachment)

    def _fail(self, page: CachePage, error: CacheStudioError) -> None:
        self._busy.discard(page)
        page.entries.hide_bar()
        self.refused.emit(error)


def newest_action(trash: Trash, target: str) -> Action:
    """The newest action on a target of which entries wait; BadRequest when there is none."""
    for action in trash.actions():
        if action.target == target and action.waiting:
            return action
    raise BadRequest("There is nothing to undo for this cache.", "Removed entries wait in the trash, for a time.")


def undone_words(outcome: UndoOutcome) -> str:
    """What an undo did, in one line."""
    restored = outcome.restored
    count = tr("1 entry") if restored == 1 else f"{format_count(restored)} {tr('entries')}"
    words = [f"{tr('Brought back')} {count}."]
    if outcome.newer_kept:
        words.append(tr("{n} kept a newer value.").replace("{n}", format_count(outcome.newer_kept)))
    return " ".join([*words, *_failed_words(outcome)])


def ttl_undone_words(outcome: UndoOutcome) -> str:
    """What the undo of a changed TTL did, in one line."""
    restored = outcome.restored
    count = tr("1 entry has") if restored == 1 else f"{format_count(restored)} {tr('entries have')}"
    words = [f"{count} {tr('the old TTL again')}."]
    if outcome.newer_kept:
        words.append(tr("{n} changed meanwhile and stayed.").replace("{n}", format_count(outcome.newer_kept)))
    return " ".join([*words, *_failed_words(outcome)])


def _failed_words(outcome: UndoOutcome) -> list[str]:
    if not outcome.failed:
        return []
    reason = f" {outcome.reasons[0]}" if outcome.reasons else ""
    return [tr("{n} failed.").replace("{n}", format_count(outcome.failed)) + reason]
