"""Walks an action back: batch by batch out of the trash, whatever is put back, until it is done or stopped."""

import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from cache_studio.adapters.base import EntryCopy
from cache_studio.model.errors import CacheStudioError, Cancelled
from cache_studio.model.plans import Progress, UndoOutcome
from cache_studio.model.seeing import Restoration, Return
from cache_studio.services.attachment import Attachment
from cache_studio.services.tally import Tally
from cache_studio.services.telling import tell_applications
from cache_studio.trash.index import Action
from cache_studio.trash.trash import Trash

UNDO_BATCH = 500
"""Copies that are put back in one step."""
Waiting: TypeAlias = tuple[int, EntryCopy]
"""A copy and its number in the trash."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an action of one kind is put back."""

    put_back: Callable[[Sequence[Waiting]], Sequence[Restoration]]
    """An answer for each copy; what is RESTORED waits no longer."""
    settle: Callable[[], Action]
    """Asks the cache what a batch that was cut short has put back."""
    batch: int = UNDO_BATCH


def walk_back(
    attachment: Attachment, action: Action, trash: Trash, only: Collection[int] | None, way: Way
) -> Generator[Progress, None, UndoOutcome]:
    """Put back what waits of an action, with `only` these copies; stopping ends it after the current batch."""
    tally = Tally(action.waiting if only is None else len(only), Return.RESTORED, Return.FAILED)
    fates, after = tally.fates, 0
    try:
        with trash.undoing(action.id):
            while not tally.stopped and (batch := trash.copies(action.id, after, way.batch, only)):
                answers = way.put_back(batch)
                pairs = zip(batch, answers, strict=True)
                trash.waiting.restored([number for (number, _), answer in pairs if answer.fate is Return.RESTORED])
                tell_applications(attachment)
                tally.add(answers)
                after = batch[-1][0]
                try:
                    yield Progress(fates.total(), tally.planned, fates[Return.RESTORED], failed=fates[Return.FAILED])
                except Cancelled:
                    tally.stopped = True
            if not tally.stopped:
                tally.fail([sentence for _, _, sentence in trash.damaged(action.id, only)])
            if trash.action(action.id).waiting < action.waiting:
                trash.mark_undone(action.id, time.time())
    except CacheStudioError as error:
        with suppress(CacheStudioError):  # where the cache cannot be asked now, it is when it is attached again
            fates[Return.RESTORED] = way.settle().restored - action.restored
        if not isinstance(error, Cancelled):
            raise
        tally.stopped = True
    finally:
        tell_applications(attachment)
        attachment.refresh()
    restored, newer, failed = (fates[fate] for fate in (Return.RESTORED, Return.NEWER_KEPT, Return.FAILED))
    return UndoOutcome(action.id, restored, newer, failed, tally.stopped, tally.reasons)
