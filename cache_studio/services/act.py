"""Runs plans and undoes them. Removing is compare-and-remove into the trash; both are long, stoppable work."""

import time
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future
from contextlib import suppress

from cache_studio.adapters.base import Adapter
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import BadRequest, CacheStudioError, Cancelled, UnsupportedAction
from cache_studio.model.plans import CompactOutcome, CompactPlan, Outcome, Plan, Progress, UndoOutcome, Verb
from cache_studio.model.seeing import Fate
from cache_studio.model.seeing_columns import RemovalColumns
from cache_studio.services import ttl_undo
from cache_studio.services.attachment import Attachment
from cache_studio.services.pace import paced
from cache_studio.services.tally import Tally
from cache_studio.services.telling import tell_applications
from cache_studio.services.undoing import UNDO_BATCH, Way, walk_back
from cache_studio.services.worker import Running
from cache_studio.trash.bin import TrashBin
from cache_studio.trash.index import Action, State
from cache_studio.trash.trash import Trash

LOOK_AGAIN_SECONDS = 2.0
"""When to look whether entries came back: an application that holds them in memory has stored them by then."""

_NOT_STORED = Fate.REMOVED, Fate.GONE
"""A name of its own: to ask an enumeration for its members once for each entry takes longer than all else here."""


def run(
    attachment: Attachment, plan: Plan, trash: Trash, by: str, on_progress: Callable[[Progress], None] = lambda _: None
) -> Running[Progress, Outcome]:
    """Remove what the plan says. Stopping ends it after the current batch, with the outcome so far."""
    return attachment.run(lambda adapter: _removing(adapter, attachment, plan, trash, by), on_progress)


def _removing(
    adapter: Adapter, attachment: Attachment, plan: Plan, trash: Trash, by: str
) -> Generator[Progress, None, Outcome]:
    adapter.capabilities.require(Ability.REMOVE)
    tally, freed = Tally(plan.count, Fate.REMOVED, Fate.FAILED), 0
    if not plan.count:
        return _outcome(plan, tally, freed, None)
    bin_ = None if plan.no_undo else _begin(attachment, plan, trash, by)
    try:
        for batch in paced(plan, adapter):
            removals = RemovalColumns.of(adapter.remove(batch, bin_))
            tell_applications(attachment)
            if bin_ is not None:
                bin_.settle_removals(removals, adapter.present)
            tally.count(removals.fates, removals.reasons)
            freed += sum(removals.freed)
            answers = zip(removals.ids, removals.fates, strict=True)
            attachment.forget([entry_id for entry_id, fate in answers if fate in _NOT_STORED])
            yield _progress(tally, freed)
    except Cancelled:
        tally.stopped = True
    except CacheStudioError as error:
        if not tally.fates:
            raise
        tally.give_up(f"{error.message} {error.hint}".strip())
    finally:
        tell_applications(attachment)  # of a batch that was cut short, too
        if bin_ is None:
            _note(attachment, plan, trash, by, tally.fates[Fate.REMOVED], freed)
        else:
            bin_.finish()
            with suppress(CacheStudioError):  # where the cache cannot be asked now, it is when it is attached again
                trash.recover(adapter.present, bin_.action_id)
        attachment.refresh()
    if bin_ is None:
        return _outcome(plan, tally, freed, None)
    action = trash.action(bin_.action_id)
    tally.settle(action.removed)
    return _outcome(plan, tally, freed, action.id if action.waiting else None)


def _begin(attachment: Attachment, plan: Plan, trash: Trash, by: str) -> TrashBin:
    place = attachment.place
    target, options = str(place.target), dict(place.target.options)
    return trash.begin(plan.verb.value, target, place.format.name, options, place.name, plan.count, by, time.time())


def _note(attachment: Attachment, plan: Plan, trash: Trash, by: str, removed: int, freed: int) -> None:
    place = attachment.place
    trash.note(
        plan.verb.value,
        str(place.target),
        place.format.name,
        place.name,
        by,
        time.time(),
        planned=plan.count,
        removed=removed,
        bytes=freed,
        note=plan.no_undo,
    )


def _progress(tally: Tally[Fate], freed: int) -> Progress:
    fates = tally.fates
    return Progress(fates.total(), tally.planned, fates[Fate.REMOVED], freed, fates[Fate.CHANGED], fates[Fate.FAILED])


def _outcome(plan: Plan, tally: Tally[Fate], freed: int, undo_id: str | None) -> Outcome:
    fates = tally.fates
    return Outcome(
        action=plan.verb,
        planned=plan.count,
        removed=fates[Fate.REMOVED],
        changed_meanwhile=fates[Fate.CHANGED],
        gone=fates[Fate.GONE],
        failed=fates[Fate.FAILED],
        freed_bytes=freed,
        undo_id=undo_id,
        stopped=tally.stopped,
        reasons=tally.reasons,
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
    way = Way(
        put_back=lambda batch: adapter.restore([copy for _, copy in batch], kept),
        settle=lambda: trash.recover(adapter.present, action.id),
    )
    return (yield from walk_back(attachment, action, trash, only, way))


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
