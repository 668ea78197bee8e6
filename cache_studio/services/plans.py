"""Makes plans: which entries an action would remove from a view, and why. Removes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cache_studio.insights.policies import POLICIES, eviction_order
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Mask, View
from cache_studio.model.errors import BadRequest, EntryNotFound, UnsupportedAction
from cache_studio.model.identity import EntryId
from cache_studio.model.matching import Matched
from cache_studio.model.plans import Plan, Reasons, Verb
from cache_studio.model.statistics import Group, by_namespace
from cache_studio.model.units import format_age, format_count, format_size
from cache_studio.services.attachment import Attachment
from cache_studio.trash.trash import Trash

STALE_FOR = (("under 1 hour", 0, 3600), ("1 hour to 1 day", 3600, 86_400), ("over 1 day", 86_400, np.inf))
"""Groups of stale entries in a plan: name, from and up to how many seconds after expiry."""


class _StaleReasons(Reasons):
    def of(self, view: View, row: int, now: float) -> str:
        """How long ago it expired."""
        return f"expired {format_age(now - float(view.numbers['expires'][row]))} ago"


@dataclass(frozen=True)
class _PolicyReasons(Reasons):
    def of(self, view: View, row: int, now: float) -> str:
        """The figure that the policy went by."""
        number = {name: float(column[row]) for name, column in view.numbers.items()}
        match self.text:
            case "size":
                return f"{format_size(number['size'])} large"
            case "lfu":
                return f"{format_count(number['hits'])} hits"
            case "ttl" if number["expires"] <= now:
                return f"expired {format_age(now - number['expires'])} ago"
            case "intelligent":
                return "low score"
        moment, what = (
            (number["accessed"], "read") if number["accessed"] == number["accessed"] else (number["created"], "stored")
        )
        if self.text == "fifo":
            moment, what = number["created"], "stored"
        return f"{what} {format_age(now - moment)} ago" if moment == moment else "no time recorded"


def plan_purge(attachment: Attachment, now: float) -> Plan:
    """Remove every stale entry."""
    view = _view(attachment)
    stale = view.alive & (view.numbers["expires"] <= now)
    notes = []
    unknown = int((view.alive & np.isnan(view.numbers["expires"])).sum())
    if unknown:
        notes.append(f"{format_count(unknown)} entries left out: expiry not recorded.")
    return _plan(attachment, Verb.PURGE, view, np.flatnonzero(stale), _StaleReasons(""), now, notes)


def plan_invalidate(attachment: Attachment, matched: Matched, view: View, expression: str, now: float) -> Plan:
    """Remove what a selection matched on `view`."""
    notes = [
        f"{format_count(count)} entries left out: {what} not recorded." for what, count in matched.left_out.items()
    ]
    rows = np.flatnonzero(matched.true & view.alive)
    return _plan(
        attachment,
        Verb.INVALIDATE,
        view,
        rows,
        Reasons(f"matches {expression}" if expression else "chosen"),
        now,
        notes,
    )


def plan_invalidate_ids(attachment: Attachment, ids: Sequence[EntryId], now: float) -> Plan:
    """Remove these entries."""
    view = _view(attachment)
    rows = [row for row in map(view.row_of, ids) if row is not None]
    return _plan(attachment, Verb.INVALIDATE, view, np.asarray(rows, np.intp), Reasons("chosen"), now, [])


def plan_clear(attachment: Attachment, namespace: str | None, now: float) -> Plan:
    """Remove everything, or everything in one namespace."""
    view = _view(attachment)
    if namespace is None:
        return _plan(attachment, Verb.CLEAR, view, view.rows(), Reasons("the whole cache"), now, [])
    if namespace not in view.namespace_names:
        raise EntryNotFound(f"There is no namespace “{namespace}”.", "`list` shows the namespaces that exist.")
    inside: Mask = view.alive & (view.namespace_codes == view.namespace_names.index(namespace))
    if namespace and not inside.any():
        raise EntryNotFound(f"There is no entry in namespace “{namespace}”.", "`list` shows the entries that exist.")
    return _plan(attachment, Verb.CLEAR, view, np.flatnonzero(inside), Reasons(f"in namespace {namespace}"), now, [])


def plan_evict(
    attachment: Attachment, policy: str, now: float, *, to_entries: int | None = None, to_size: int | None = None
) -> Plan:
    """Remove, in the order of `policy`, until at most `to_entries` entries or `to_size` bytes stay.

    Sizes are counted; an entry without a known size counts as nothing and the plan says so.
    """
    if policy not in POLICIES:
        raise BadRequest(f"There is no policy “{policy}”.", "Policies: " + ", ".join(POLICIES) + ".")
    if (to_entries is None) == (to_size is None):
        raise BadRequest("Evict needs one limit.", "Give a number of entries or a total size.")
    if min(to_entries or 0, to_size or 0) < 0:
        raise BadRequest("A limit is not negative.", "Give 0 or more.")
    view = _view(attachment)
    order = eviction_order(policy, view, now)
    notes = [order.note] if order.note else []
    if to_entries is not None:
        going = max(0, len(view) - to_entries)
    else:
        sizes = view.numbers["size"][order.rows]
        if np.isnan(sizes).any():
            notes.append(f"{format_count(int(np.isnan(sizes).sum()))} entries have no recorded size and count as 0 B.")
        freed = np.concatenate(([0.0], np.cumsum(np.nan_to_num(sizes))))
        going = int(np.searchsorted(freed, freed[-1] - float(to_size or 0), side="left"))
    return _plan(attachment, Verb.EVICT, view, order.rows[:going], _PolicyReasons(policy), now, notes)


def with_room(plan: Plan, trash: Trash, limit: int) -> Plan:
    """The plan as the trash allows it. Blocks on the disk.

    Without room for the copies it becomes one without undo and says so in numbers; where the copies are larger than
    `limit`, which the settings let the trash keep, a note says what makes way for them.
    """
    if plan.no_undo or not plan.count:
        return plan
    room = trash.room()
    if plan.size > room:
        why = f"The copies for undo need {format_size(plan.size)}, and the disk of the trash has room for "
        return replace(
            plan, no_undo=f"{why}{format_size(room)}. Free some space there or empty the trash to keep undo."
        )
    if plan.size > limit:
        note = f"The copies for undo need {format_size(plan.size)}, more than the {format_size(limit)} that the trash"
        return replace(plan, notes=(*plan.notes, f"{note} keeps: what waits there from before goes for good."))
    return plan


def _view(attachment: Attachment) -> View:
    view = attachment.standing.view
    if view is None:
        raise UnsupportedAction("The cache is still being opened.", "Wait until its entries are listed.")
    return view


def _plan(
    attachment: Attachment,
    verb: Verb,
    view: View,
    rows: NDArray[np.intp],
    reasons: Reasons,
    now: float,
    notes: list[str],
) -> Plan:
    standing = attachment.standing
    standing.capabilities.require(Ability.REMOVE)
    if not view.complete:
        notes.append("The listing is not complete: entries that were not listed stay.")
    if standing.returns_entries:
        notes.append(standing.returns_entries)
    if not standing.frees_at_once:
        notes.append("The database keeps its size until it is compacted.")
    notes += standing.warnings
    chosen = np.zeros(view.n, np.bool_)
    chosen[rows] = True
    sizes = np.nan_to_num(view.numbers["size"])
    notes += _too_large(sizes[chosen], standing.largest_copy)
    kept = view.alive & ~chosen
    return Plan(
        verb=verb,
        cache_name=attachment.place.name,
        view=view,
        rows=rows,
        reasons=reasons,
        now=now,
        size=int(sizes[chosen].sum()),
        kept=int(kept.sum()),
        kept_size=int(sizes[kept].sum()),
        by_namespace=tuple(by_namespace(view, now, chosen)),
        kept_by_namespace=tuple(by_namespace(view, now, kept)),
        stale_for=_stale_for(view, chosen, now),
        notes=tuple(notes),
        no_undo=standing.no_undo or standing.capabilities.why_not(Ability.UNDO),
        frees_at_once=standing.frees_at_once,
    )


def _too_large(sizes: NDArray[np.float64], limit: int | None) -> list[str]:
    count = 0 if limit is None else int((sizes > limit).sum())
    if not count:
        return []
    entries = "1 entry is" if count == 1 else f"{format_count(count)} entries are"
    return [f"{entries} larger than {format_size(limit)}, which is not copied for undo: what is not copied stays."]


def _stale_for(view: View, chosen: Mask, now: float) -> tuple[Group, ...]:
    past = now - view.numbers["expires"]
    if not chosen.any() or not (past[chosen] >= 0).all():
        return ()
    sizes = np.nan_to_num(view.numbers["size"])
    groups = []
    for name, low, high in STALE_FOR:
        part = chosen & (past >= low) & (past < high)
        count, size = int(part.sum()), int(sizes[part].sum())
        groups.append(Group(name, count, size, count, size))
    return tuple(groups)
