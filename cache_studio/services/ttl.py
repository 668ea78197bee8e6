"""Sets, extends or persists the TTL of entries: the plan, and running it in batches.

Only `SetsExpiry.set_expiry` is asked. What undo needs (`ttl_undo`) is kept durably before an entry is changed.
"""

import math
import time
from collections.abc import Callable, Generator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.base import Adapter, SetsExpiry, pack_id
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Floats, View
from cache_studio.model.errors import CacheStudioError, Cancelled
from cache_studio.model.matching import Matched
from cache_studio.model.plans import Progress, Verb
from cache_studio.model.seeing import Fate, Renewal, Renewed, Seen
from cache_studio.model.ttl import Kind, Span, TtlChange, TtlOutcome, TtlPlan
from cache_studio.model.units import format_count
from cache_studio.services.attachment import Attachment
from cache_studio.services.stored_expiries import Changed
from cache_studio.services.tally import Tally
from cache_studio.services.telling import tell_applications
from cache_studio.services.ttl_undo import setter_of, settle_left_open
from cache_studio.services.worker import Running
from cache_studio.trash.bin import TrashBin
from cache_studio.trash.trash import Trash

HELD = "A running application goes by the old TTL of what it holds in memory until it reads it again."
_SETTLED = {Renewed.SET: Fate.REMOVED, Renewed.CHANGED: Fate.CHANGED, Renewed.GONE: Fate.GONE}


def plan_ttl(
    attachment: Attachment, view: View, rows: NDArray[np.intp], change: TtlChange, now: float, matched: Matched | None
) -> TtlPlan:
    """What `change` would do to these rows of `view`; `matched` says what a selection left out.

    UnsupportedAction with the reason where the cache stores no expiry that could be set.
    """
    standing = attachment.standing
    standing.capabilities.require(Ability.SET_EXPIRY)
    notes = [
        f"{_entries(n)} left out: {what} not recorded." for what, n in (matched.left_out if matched else {}).items()
    ]
    rows = rows[view.alive[rows]]
    expires = view.numbers["expires"][rows]
    stays: dict[str, NDArray[np.bool_]] = {"expiry not recorded": np.isnan(expires)}
    if change.kind is not Kind.SET:
        stays[f"no expiry to {'extend' if change.kind is Kind.EXTEND else 'take away'}"] = np.isinf(expires)
    chosen = np.ones(len(rows), np.bool_)
    for why, mask in stays.items():
        if mask.any():
            notes.append(f"{_entries(int(mask.sum()))} left out: {why}.")
        chosen &= ~mask
    if not view.complete:
        notes.append("The listing is not complete: entries that were not listed stay as they are.")
    if standing.returns_entries:
        notes.append(HELD)
    before = expires[chosen]
    stale = int((before <= now).sum())
    if stale:
        notes.insert(0, _stale_note(stale, change))
    return TtlPlan(
        change=change,
        cache_name=attachment.place.name,
        view=view,
        rows=rows[chosen],
        now=now,
        left_out=int((~chosen).sum()),
        stale=stale,
        before=Span.of(before),
        after=Span.of(change.moments(before, now)),
        notes=tuple(notes),
    )


def _stale_note(count: int, change: TtlChange) -> str:
    are = "is" if count == 1 else "are"
    from_now = "; what is added counts from now" if change.kind is Kind.EXTEND else ""
    return f"{_entries(count)} among them {are} stale and fresh again then{from_now}."


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{format_count(count)} entries"


def run(
    attachment: Attachment,
    plan: TtlPlan,
    trash: Trash,
    by: str,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Running[Progress, TtlOutcome]:
    """Do what the plan says; a TTL begins with the action, not with its plan. Stopping ends it after this batch."""
    return attachment.run(lambda adapter: _changing(adapter, attachment, plan, trash, by), on_progress)


def _changing(
    adapter: Adapter, attachment: Attachment, plan: TtlPlan, trash: Trash, by: str
) -> Generator[Progress, None, TtlOutcome]:
    setter = setter_of(adapter)
    tally = Tally(plan.count, Renewed.SET, Renewed.FAILED)
    if not plan.count:
        return _outcome(plan, tally, None)
    bin_ = _begin(attachment, plan, trash, by)
    now = time.time()
    try:
        for start in range(0, plan.count, adapter.batch_size):
            tally.add(_change_batch(setter, plan, plan.rows[start : start + adapter.batch_size], bin_, now))
            tell_applications(attachment)
            yield _progress(tally)
    except Cancelled:
        tally.stopped = True
    except CacheStudioError as error:
        if not tally.fates:
            raise
        tally.give_up(f"{error.message} {error.hint}".strip())
    finally:
        tell_applications(attachment)  # of a batch that was cut short, too
        bin_.finish()
        with suppress(CacheStudioError):  # where the cache cannot be asked now, it is when it is attached again
            settle_left_open(adapter, trash, bin_.action_id)
        attachment.refresh()
    action = trash.action(bin_.action_id)
    tally.settle(action.removed)
    return _outcome(plan, tally, action.id if action.waiting else None)


def _change_batch(
    setter: SetsExpiry, plan: TtlPlan, rows: NDArray[np.intp], bin_: TrashBin, now: float
) -> list[Renewal]:
    view = plan.view
    before: Floats = view.numbers["expires"][rows]
    wanted = plan.change.moments(before, now).tolist()
    seen = [Seen(view.ids[row], view.stamp(row)) for row in rows.tolist()]
    names = [view.namespace_names[code] for code in view.namespace_codes[rows].tolist()]
    changed = [Changed(*pair) for pair in zip(before.tolist(), wanted, strict=True)]
    kept = zip(changed, rows.tolist(), names, seen, strict=True)
    bin_.copies([one.kept(view.keys[row], name, entry.id) for one, row, name, entry in kept])
    renewals = setter.set_expiry(seen, wanted)
    answers = list(zip(renewals, changed, strict=True))
    bin_.amend(
        {
            pack_id(answer.id): Changed(one.before, answer.expires).pack()
            for answer, one in answers
            if answer.fate is Renewed.SET and not math.isnan(answer.expires) and answer.expires != one.after
        }
    )
    bin_.settle({pack_id(answer.id): _SETTLED[answer.fate] for answer in renewals if answer.fate in _SETTLED})
    return renewals


def _begin(attachment: Attachment, plan: TtlPlan, trash: Trash, by: str) -> TrashBin:
    place = attachment.place
    target, options = str(place.target), dict(place.target.options)
    note = f"{plan.change.title()}."
    return trash.begin(
        Verb.TTL.value, target, place.format.name, options, place.name, plan.count, by, time.time(), note
    )


def _progress(tally: Tally[Renewed]) -> Progress:
    fates = tally.fates
    changed, failed = fates[Renewed.CHANGED], fates[Renewed.FAILED]
    return Progress(fates.total(), tally.planned, fates[Renewed.SET], changed=changed, failed=failed)


def _outcome(plan: TtlPlan, tally: Tally[Renewed], undo_id: str | None) -> TtlOutcome:
    fates = tally.fates
    return TtlOutcome(
        plan.change.kind,
        plan.count,
        set=fates[Renewed.SET],
        changed_meanwhile=fates[Renewed.CHANGED],
        gone=fates[Renewed.GONE],
        failed=fates[Renewed.FAILED],
        undo_id=undo_id,
        stopped=tally.stopped,
        reasons=tally.reasons,
    )
