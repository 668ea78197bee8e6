"""Runs plans and undoes them. Removing is compare-and-remove into the trash; both are long, stoppable work."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress

from cache_studio.adapters.base import Adapter
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import BadRequest, CacheStudioError, Cancelled, UnsupportedAction
from cache_studio.model.plans import CompactOutcome, CompactPlan, Outcome, Plan, Progress, UndoOutcome, Verb
from cache_studio.model.seeing import Fate, Removal, Restoration, Return
from cache_studio.services import ttl_undo
from cache_studio.services.attachment import Attachment
from cache_studio.services.telling import tell_applications
from cache_studio.services.worker import Running
from cache_studio.trash.bin import TrashBin
from cache_studio.trash.index import Action, State
from cache_studio.trash.trash import Trash

UNDO_BATCH = 500
"""Copies that are restored in one step."""
LOOK_AGAIN_SECONDS = 2.0
"""When to look whether entries came back: an application that holds them in memory has stored them by then."""


def run(
    attachment: Attachment, plan: Plan, trash: Trash, by: str, on_progress: Callable[[Progress], None] = lambda _: None
) -> Running[Progress, Outcome]:
    """Remove what the plan says. Stopping ends it after the current batch, with the outcome so far."""
    return attachment.run(lambda adapter: _removing(adapter, attachment, plan, trash, by), on_progress)


def _removing(
    adapter: Adapter, attachment: Attachment, plan: Plan, trash: Trash, by: str
) -> Generator[Progress, None, Outcome]:
    adapter.capabilities.require(Ability.REMOVE)
    tally = _Tally(plan.count)
    if not plan.count:
        return tally.outcome(plan.verb, None)
    bin_ = None if plan.no_undo else _begin(attachment, plan, trash, by)
    try:
        for batch in plan.batches(adapter.batch_size):
            removals = adapter.remove(batch, bin_)
            tell_applications(attachment)
            if bin_ is not None:
                bin_.settle_removals(removals, adapter.present)
            tally.add(removals)
            attachment.forget([removal.id for removal in removals if removal.fate in (Fate.REMOVED, Fate.GONE)])
            yield tally.progress()
    except Cancelled:
        tally.stopped = True
    except CacheStudioError as error:
        if not tally.fates:
            raise
        tally.give_up(f"{error.message} {error.hint}".strip())
    finally:
        tell_applications(attachment)  # of a batch that was cut short, too
        if bin_ is None:
            _note(attachment, plan, trash, by, tally)
        else:
            bin_.finish()
            with suppress(CacheStudioError):  # where the cache cannot be asked now, it is when it is attached again
                trash.recover(adapter.present, bin_.action_id)
        attachment.refresh()
    if bin_ is None:
        return tally.outcome(plan.verb, None)
    action = trash.action(bin_.action_id)
    tally.settle(action.removed)
    return tally.outcome(plan.verb, action.id if action.waiting else None)


def _begin(attachment: Attachment, plan: Plan, trash: Trash, by: str) -> TrashBin:
    place = attachment.place
    target, options = str(place.target), dict(place.target.options)
    return trash.begin(plan.verb.value, target, place.format.name, options, place.name, plan.count, by, time.time())


def _note(attachment: Attachment, plan: Plan, trash: Trash, by: str, tally: "_Tally") -> None:
    place, removed = attachment.place, tally.fates[Fate.REMOVED]
    trash.note(
        plan.verb.value,
        str(place.target),
        place.format.name,
        place.name,
        by,
        time.time(),
        planned=plan.count,
        removed=removed,
        bytes=tally.freed,
        note=plan.no_undo,
    )


class _Tally:
    """Adds up what became of the entries of a plan."""

    def __init__(self, planned: int) -> None:
        self.fates: Counter[Fate] = Counter()
        self.freed = 0
        self.stopped = False
        self._planned = planned
        self._reasons: dict[str, None] = {}

    def add(self, removals: Sequence[Removal]) -> None:
        for removal in removals:
            self.fates[removal.fate] += 1
            self.freed += removal.freed
            if removal.reason:
                self._reasons[removal.reason] = None

    def give_up(self, reason: str) -> None:
        """What was not reached has failed, for this reason."""
        self.fates[Fate.FAILED] += self._planned - self.fates.total()
        self._reasons[reason] = None

    def settle(self, removed: int) -> None:
        """So many were removed in truth: a batch that was cut short did not answer."""
        unanswered = max(0, removed - self.fates[Fate.REMOVED])
        self.fates[Fate.REMOVED] += unanswered
        self.fates[Fate.FAILED] -= min(unanswered, self.fates[Fate.FAILED])

    def progress(self) -> Progress:
        fates = self.fates
        return Progress(
            fates.total(), self._planned, fates[Fate.REMOVED], self.freed, fates[Fate.CHANGED], fates[Fate.FAILED]
        )

    def outcome(self, verb: Verb, undo_id: str | None) -> Outcome:
        fates = self.fates
        return Outcome(
            action=verb,
            planned=self._planned,
            removed=fates[Fate.REMOVED],
            changed_meanwhile=fates[Fate.CHANGED],
            gone=fates[Fate.GONE],
            failed=fates[Fate.FAILED],
            freed_bytes=self.freed,
            undo_id=undo_id,
            stopped=self.stopped,
            reasons=tuple(self._reasons),
        )


def came_back(attachment: Attachment, plan: Plan, outcome: Outcome, wait: Callable[[], object]) -> int:
    """How many entries that `plan` removed the application stored again meanwhile. Blocks.

    An entry that is listed although it was removed without effect counts as well. `wait` lets LOOK_AGAIN_SECONDS
    pass (and may give up sooner); only where the format warns of it (`Standing.returns_entries`) is it worth the wait.
    """
    wait()
    attachment.refresh()
    view = attachment.listed().result().view
    if view is None:
        return 0
    stored = sum(view.row_of(seen.id) is not None for batch in plan.batches(UNDO_BATCH) for seen in batch)
    return max(0, stored - outcome.changed_meanwhile - outcome.failed)


def find_action(trash: Trash, action_id: str | None = None) -> Action:
    """The action that `undo` would bring back: the one named, or the newest; UnsupportedAction when there is none.

    What a kill left open counts as well: attaching the cache settles it (`recover`).
    """
    left_open = trash.unsettled()
    try:
        found = trash.action(action_id or "")
    except BadRequest as error:
        if action_id or not left_open:
            raise UnsupportedAction(error.message, error.hint) from None
        return left_open[-1]
    if not action_id:
        return max([found, *left_open], key=lambda action: action.at)
    if not found.waiting and found.id not in {action.id for action in left_open}:
        why = "was undone already" if found.state is State.UNDONE else "left nothing that could be brought back"
        raise UnsupportedAction(f"The action {found.id} {why}.", "`trash list` shows what can be brought back.")
    return found


def undo(
    attachment: Attachment,
    action: Action,
    trash: Trash,
    on_progress: Callable[[Progress], None] = lambda _: None,
    only: Collection[int] | None = None,
) -> Running[Progress, UndoOutcome]:
    """Bring back what an action removed; a newer value of the application stays, its copy stays in the trash.

    With `only` (`WaitingEntry.copy_id`) these entries alone; the others go on waiting. A changed TTL is put back.
    """
    if action.verb == Verb.TTL:
        return ttl_undo.undo(attachment, action, trash, on_progress, only)
    return attachment.run(lambda adapter: _undoing(adapter, attachment, action, trash, only), on_progress)


def _undoing(
    adapter: Adapter, attachment: Attachment, action: Action, trash: Trash, only: Collection[int] | None
) -> Generator[Progress, None, UndoOutcome]:
    adapter.capabilities.require(Ability.UNDO)
    kept = trash.kept(action.id)
    planned = action.waiting if only is None else len(only)
    fates: Counter[Return] = Counter()
    reasons: dict[str, None] = {}
    after, stopped = 0, False
    try:
        with trash.undoing(action.id):
            while not stopped and (batch := trash.copies(action.id, after, UNDO_BATCH, only)):
                answers = adapter.restore([copy for _, copy in batch], kept)
                pairs = zip(batch, answers, strict=True)
                trash.waiting.restored([copy_id for (copy_id, _), answer in pairs if _is_back(answer)])
                fates.update(answer.fate for answer in answers)
                reasons |= dict.fromkeys(answer.reason for answer in answers if answer.reason)
                after = batch[-1][0]
                try:
                    yield Progress(fates.total(), planned, fates[Return.RESTORED], failed=fates[Return.FAILED])
                except Cancelled:
                    stopped = True
            damaged = [] if stopped else trash.damaged(action.id, only)
            fates[Return.FAILED] += len(damaged)
            reasons |= dict.fromkeys(sentence for _, _, sentence in damaged)
            if fates[Return.RESTORED]:
                trash.mark_undone(action.id, time.time())
    except CacheStudioError as error:
        with suppress(CacheStudioError):  # where the cache cannot be asked now, it is when it is attached again
            fates[Return.RESTORED] = trash.recover(adapter.present, action.id).restored - action.restored
        if not isinstance(error, Cancelled):
            raise
        stopped = True
    finally:
        tell_applications(attachment)
        attachment.refresh()
    return UndoOutcome(
        action.id, fates[Return.RESTORED], fates[Return.NEWER_KEPT], fates[Return.FAILED], stopped, tuple(reasons)
    )


def _is_back(answer: Restoration) -> bool:
    return answer.fate is Return.RESTORED


def plan_compact(attachment: Attachment) -> "Future[CompactPlan]":
    """What compacting would give back, read by the attachment's thread."""

    def look(adapter: Adapter) -> CompactPlan:
        adapter.capabilities.require(Ability.COMPACT)
        volume = adapter.measure().volume
        return CompactPlan(attachment.place.name, tuple(adapter.compactable()), volume, adapter.compact_note())

    return attachment.call(look)


def compact(attachment: Attachment, trash: Trash, by: str) -> Running[None, CompactOutcome]:
    """Give unused space back; entries stay as they are."""

    def steps(adapter: Adapter) -> Generator[None, None, CompactOutcome]:
        adapter.capabilities.require(Ability.COMPACT)
        before = adapter.measure().volume
        yield None
        parts = tuple(adapter.compact())
        after = adapter.measure().volume
        freed = sum(part.bytes for part in parts)
        place = attachment.place
        trash.note(Verb.COMPACT.value, str(place.target), place.format.name, place.name, by, time.time(), bytes=freed)
        attachment.refresh()
        return CompactOutcome(before, after, parts)

    return attachment.run(steps, lambda _: None)


def recover(attachment: Attachment, trash: Trash) -> "Future[int]":
    """Settle what a kill left open for this cache: copies whose entry is still stored leave the trash."""

    def settle(adapter: Adapter) -> int:
        count = 0
        for action in trash.unsettled():
            if action.target != str(attachment.place.target):
                continue
            if action.verb == Verb.TTL:
                count += ttl_undo.recover(adapter, action, trash)
            elif adapter.capabilities.can(Ability.UNDO):
                trash.recover(adapter.present, action.id)
                count += 1
        return count

    return attachment.call(settle)
