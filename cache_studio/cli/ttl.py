"""The command that sets, extends or persists the TTL of entries."""

import sys
from typing import TYPE_CHECKING, Any

import click

from cache_studio.cli.changes import BY, agree, changing, choosing, finished, require_choice, show_figures
from cache_studio.cli.diagnostics import Exit, narrate
from cache_studio.cli.session import attached, now
from cache_studio.model.errors import BadRequest
from cache_studio.model.units import format_count, format_ttl, parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cache_studio.model.ttl import TtlChange, TtlOutcome, TtlPlan
    from cache_studio.services.attachment import Attachment
    from cache_studio.services.studio import Studio

_FIRST = 8


@click.command()
@choosing
@click.option("--set", "set_to", metavar="DURATION", help="Let them expire so long from now, as in 2h.")
@click.option("--extend", metavar="DURATION", help="Add so much to what each has left.")
@click.option("--persist", is_flag=True, help="Let them never expire.")
@changing
def ttl(
    target: str,
    keys: tuple[str, ...],
    where: str,
    namespace: str | None,
    set_to: str | None,
    extend: str | None,
    persist: bool,
    dry_run: bool,
    yes: bool,
    format_name: str,
) -> None:
    """Change the TTL of chosen entries, where the cache stores one for each."""
    from cache_studio.services import ttl as service

    require_choice(keys, where, namespace)
    change = _change_of(set_to, extend, persist)
    with attached(target, writable=True) as (studio, attachment):
        plan = _plan(studio, attachment, keys, where, namespace, change)
        _narrate_plan(plan)
        if dry_run:
            from cache_studio.model.ttl import TtlOutcome

            show_figures(_figures(plan, TtlOutcome(change.kind, plan.count)), format_name)
            return
        if plan.count:
            agree(f"Change the TTL of {_entries(plan.count)}?", yes)
        outcome = finished(service.run(attachment, plan, studio.trash, BY))
        for reason in outcome.reasons:
            narrate(reason)
        show_figures(_figures(plan, outcome), format_name)
        sys.stdout.flush()
        if outcome.undo_id:
            narrate(f"To put the TTL of before back: cache-studio undo {outcome.undo_id}")
        studio.tidy()
        if not outcome.is_whole:
            raise SystemExit(Exit.INTERRUPTED if outcome.stopped else Exit.REFUSED)


def _change_of(set_to: str | None, extend: str | None, persist: bool) -> "TtlChange":
    from cache_studio.model.ttl import Kind, TtlChange

    if (set_to is not None) + (extend is not None) + persist != 1:
        raise BadRequest("It is not said how to change the TTL.", "Give one of --set, --extend and --persist.")
    if set_to is not None:
        return TtlChange(Kind.SET, parse_duration(set_to))
    return TtlChange(Kind.PERSIST) if extend is None else TtlChange(Kind.EXTEND, parse_duration(extend))


def _plan(
    studio: "Studio",
    attachment: "Attachment",
    keys: "Sequence[str]",
    where: str,
    namespace: str | None,
    change: "TtlChange",
) -> "TtlPlan":
    import numpy as np

    from cache_studio.model.capabilities import Ability
    from cache_studio.model.selection import parse_selection
    from cache_studio.services.browse import current_view, select
    from cache_studio.services.find import find_entry
    from cache_studio.services.ttl import plan_ttl

    attachment.standing.capabilities.require(Ability.SET_EXPIRY)
    view, at = current_view(attachment), now()
    if keys:
        ids = dict.fromkeys(find_entry(attachment, key, namespace).id for key in keys)
        rows = [row for row in map(view.row_of, ids) if row is not None]
        return plan_ttl(attachment, view, np.asarray(rows, np.intp), change, at, None)
    matched = select(attachment, view, parse_selection(where), at, studio.reader)
    return plan_ttl(attachment, view, np.flatnonzero(matched.true), change, at, matched)


def _narrate_plan(plan: "TtlPlan") -> None:
    from cache_studio.model.ttl import span_words

    narrate(f"{plan.change.title()} for {_entries(plan.count)} of {plan.cache_name}.")
    if plan.count:
        narrate(f"TTL before: {span_words(plan.before, plan.now)}.")
        narrate(f"TTL then:   {span_words(plan.after, plan.now)}.")
    expires = plan.view.numbers["expires"]
    for row in plan.rows[:_FIRST].tolist():
        namespace = plan.view.namespace_names[int(plan.view.namespace_codes[row])]
        narrate(f"  {plan.view.keys[row]}  {namespace}  {format_ttl(float(expires[row]) - plan.now)}")
    if plan.count > _FIRST:
        narrate(f"  and {format_count(plan.count - _FIRST)} more")
    for note in plan.notes:
        narrate(note)
    if plan.count:
        narrate("Undo puts the TTL of before back.")


def _figures(plan: "TtlPlan", outcome: "TtlOutcome") -> dict[str, Any]:
    from cache_studio.model.times import format_iso
    from cache_studio.services.statistics import outcome_object

    return {
        "action": "ttl",
        **outcome_object(outcome),
        "left_out": plan.left_out,
        "expires_first": format_iso(plan.after.first),
        "expires_last": format_iso(plan.after.last),
    }


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{format_count(count)} entries"
