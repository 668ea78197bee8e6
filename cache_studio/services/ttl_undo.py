"""Puts a changed TTL back, and settles what a kill left open of a change.

The moment of before comes back where the expiry is still the one that was set; an application's newer one stays.
"""

from collections.abc import Callable, Collection, Generator, Sequence

from cache_studio.adapters.base import Adapter, EntryCopy, SetsExpiry
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.plans import Progress, UndoOutcome
from cache_studio.model.seeing import Renewal, Renewed, Restoration, Return, Seen
from cache_studio.services.attachment import Attachment
from cache_studio.services.stored_expiries import COARSE, Changed, StoredExpiries, is_same
from cache_studio.services.undoing import UNDO_BATCH, Waiting, Way, walk_back
from cache_studio.services.worker import Running
from cache_studio.trash.index import Action
from cache_studio.trash.trash import Trash

_RETURNED = {
    Renewed.SET: Return.RESTORED,
    Renewed.CHANGED: Return.NEWER_KEPT,
    Renewed.GONE: Return.NEWER_KEPT,
    Renewed.FAILED: Return.FAILED,
}


def setter_of(adapter: Adapter) -> SetsExpiry:
    """The adapter as what sets an expiry; UnsupportedAction with the reason where it cannot."""
    adapter.capabilities.require(Ability.SET_EXPIRY)
    if not isinstance(adapter, SetsExpiry):
        raise UnsupportedAction("The TTL of single entries cannot be set in this format.")
    return adapter


def undo(
    attachment: Attachment,
    action: Action,
    trash: Trash,
    on_progress: Callable[[Progress], None] = lambda _: None,
    only: Collection[int] | None = None,
) -> Running[Progress, UndoOutcome]:
    """Give entries the expiry of before; an entry that has another one by now than was set keeps that."""
    return attachment.run(lambda adapter: _undoing(adapter, attachment, action, trash, only), on_progress)


def _undoing(
    adapter: Adapter, attachment: Attachment, action: Action, trash: Trash, only: Collection[int] | None
) -> Generator[Progress, None, UndoOutcome]:
    setter, stored = setter_of(adapter), StoredExpiries(adapter)

    def put_back(batch: Sequence[Waiting]) -> list[Restoration]:
        answers = [
            Restoration(_RETURNED[answer.fate], answer.reason)
            for answer in _put_back(setter, stored, [copy for _, copy in batch])
        ]
        # What the application changed or removed cannot be put back later either.
        pairs = zip(batch, answers, strict=True)
        trash.waiting.forget([number for (number, _), answer in pairs if answer.fate is Return.NEWER_KEPT])
        return answers

    way = Way(put_back, lambda: settle_left_open(adapter, trash, action.id), max(UNDO_BATCH, adapter.batch_size))
    return (yield from walk_back(attachment, action, trash, only, way))


def _put_back(setter: SetsExpiry, stored: StoredExpiries, copies: Sequence[EntryCopy]) -> list[Renewal]:
    """An answer for each copy; CHANGED where the expiry is not the one that was set."""
    answers: dict[int, Renewal] = {}
    seen: dict[int, Seen] = {}
    before: list[float] = []
    for place, (copy, now) in enumerate(zip(copies, stored.of(copies), strict=True)):
        changed = Changed.of(copy)
        if now is None:
            answers[place] = Renewal(copy.id, Renewed.GONE, reason="The application removed it meanwhile.")
        elif not is_same(now[1], changed.after):
            answers[place] = Renewal(now[0].id, Renewed.CHANGED, reason="The application gave it another expiry.")
        else:
            seen[place] = now[0]
            before.append(changed.before)
    if seen:
        answers |= dict(zip(seen, setter.set_expiry(list(seen.values()), before), strict=True))
    return [answers[place] for place in range(len(copies))]


def recover(adapter: Adapter, action: Action, trash: Trash) -> int:
    """Settle what a kill left open of a change of the TTL or of its undo: 1 when it could be, else 0.

    An entry that has its expiry of before needs nothing to be kept; any other one can be undone.
    """
    if not adapter.capabilities.can(Ability.SET_EXPIRY):
        return 0
    settle_left_open(adapter, trash, action.id)
    return 1


def settle_left_open(adapter: Adapter, trash: Trash, action_id: str) -> Action:
    """Keep for undo what a batch that was cut short has changed, and forget what it has not."""
    stored = StoredExpiries(adapter)
    rounded: dict[bytes, float] = {}

    def as_before(copies: Sequence[EntryCopy]) -> list[bool]:
        answers = []
        for copy, now in zip(copies, stored.of(copies), strict=True):
            changed = Changed.of(copy)
            answers.append(now is None or is_same(now[1], changed.before))
            if now is not None and is_same(now[1], changed.after, COARSE) and not is_same(now[1], changed.after):
                rounded[copy.id] = now[1]
        return answers

    action = trash.recover(as_before, action_id)
    after = 0
    while rounded and (batch := trash.copies(action_id, after)):
        amended = [(number, copy, rounded.pop(copy.id)) for number, copy in batch if copy.id in rounded]
        trash.waiting.amend(
            [
                (
                    number,
                    EntryCopy(copy.key, copy.namespace, 0, Changed(Changed.of(copy).before, moment).pack(), copy.id),
                )
                for number, copy, moment in amended
            ]
        )
        after = batch[-1][0]
    return action
