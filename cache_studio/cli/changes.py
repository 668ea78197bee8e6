"""The commands that change a cache or the trash: each shows its plan, asks, runs, and says what it did."""

import sys
from collections.abc import Callable, Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from cache_studio.cli.diagnostics import Exit, narrate
from cache_studio.cli.options import (
    TABLE_OR_JSON,
    allow_changes_option,
    at_option,
    dry_run_option,
    format_option,
    namespace_option,
    target_argument,
    yes_option,
)
from cache_studio.cli.output import figure_text, print_figures, print_json, print_table
from cache_studio.cli.session import attached, now, waited
from cache_studio.model.errors import BadRequest, Cancelled, UnsupportedAction
from cache_studio.model.units import format_count, format_size, parse_size

if TYPE_CHECKING:
    from cache_studio.model.plans import Outcome, Plan
    from cache_studio.model.targets import Target
    from cache_studio.services.attachment import Attachment
    from cache_studio.services.studio import Studio
    from cache_studio.services.worker import Running

BY = "command"
"""Who did it, in the activity list."""
POLICIES = ("lru", "lfu", "fifo", "ttl", "size", "intelligent")
_FIRST = 8


def asking(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that asks before it does something."""
    for option in (format_option(TABLE_OR_JSON), yes_option, dry_run_option):
        command = option(command)
    return command


def changing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that changes a cache."""
    return asking(allow_changes_option(command))


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The target and what of it is chosen: keys or a selection (`require_choice`)."""
    where = click.option("--where", default="", metavar="EXPR", help="The entries that this selection chooses.")
    keys = click.argument("keys", nargs=-1, metavar="[KEY]...")
    for part in (namespace_option, where, keys, target_argument):
        command = part(command)
    return command


def require_choice(keys: Sequence[str], where: str, namespace: str | None) -> None:
    """Raise BadRequest unless either keys or a selection choose entries."""
    if bool(keys) == bool(where):
        raise BadRequest("Nothing is chosen.", "Name keys, or a selection with --where (not both).")
    if where and namespace is not None:
        raise BadRequest("A namespace goes with keys.", "In a selection write it as ns=NAME.")


@click.command()
@choosing
@changing
def invalidate(target: str, keys: tuple[str, ...], where: str, namespace: str | None, **how: Any) -> None:
    """Remove chosen entries, so that the next lookup of each misses."""
    require_choice(keys, where, namespace)

    def plan(studio: "Studio", attachment: "Attachment") -> "Plan":
        from cache_studio.services import plans
        from cache_studio.services.browse import current_view, select
        from cache_studio.services.find import find_entry

        if keys:
            ids = list(dict.fromkeys(find_entry(attachment, key, namespace).id for key in keys))
            return plans.plan_invalidate_ids(attachment, ids, now())
        from cache_studio.model.selection import parse_selection

        view = current_view(attachment)
        matched = select(attachment, view, parse_selection(where), now(), studio.reader)
        return plans.plan_invalidate(attachment, matched, view, where, now())

    _remove(target, plan, **how)


@click.command()
@target_argument
@changing
def purge(target: str, **how: Any) -> None:
    """Remove every stale entry."""

    def plan(studio: "Studio", attachment: "Attachment") -> "Plan":
        from cache_studio.services.plans import plan_purge

        return plan_purge(attachment, now())

    _remove(target, plan, **how)


@click.command()
@target_argument
@click.option("--namespace", metavar="NS", help="Only this namespace.")
@changing
def clear(target: str, namespace: str | None, **how: Any) -> None:
    """Remove every entry of a cache, or of one namespace."""

    def plan(studio: "Studio", attachment: "Attachment") -> "Plan":
        from cache_studio.services.plans import plan_clear

        return plan_clear(attachment, namespace, now())

    _remove(target, plan, **how)


@click.command()
@target_argument
@click.option("--policy", type=click.Choice(POLICIES), required=True, help="Which entries go first.")
@click.option("--to-entries", type=click.IntRange(min=0), metavar="N", help="Until so many entries are left.")
@click.option("--to-size", metavar="SIZE", help="Until the sizes add up to so much, as in 50mb.")
@changing
def evict(target: str, policy: str, to_entries: int | None, to_size: str | None, **how: Any) -> None:
    """Remove entries in the order of a policy, down to a limit."""
    limit = None if to_size is None else parse_size(to_size)

    def plan(studio: "Studio", attachment: "Attachment") -> "Plan":
        from cache_studio.services.plans import plan_evict

        return plan_evict(attachment, policy, now(), to_entries=to_entries, to_size=limit)

    _remove(target, plan, **how)


@click.command()
@target_argument
@changing
def compact(target: str, dry_run: bool, yes: bool, format_name: str) -> None:
    """Give unused space back; entries stay as they are."""
    from dataclasses import asdict

    from cache_studio.services import act

    with attached(target, writable=True) as (studio, attachment):
        plan = waited(act.plan_compact(attachment))
        planned = [asdict(part) for part in plan.parts]
        narrate(f"Compact {plan.cache_name}: {format_size(plan.size)} to give back.")
        for part in plan.parts:
            narrate(f"  {format_count(part.count)} {part.what}, {format_size(part.bytes)}")
        if plan.note:
            narrate(plan.note)
        if dry_run:
            figures = {"action": "compact", "volume_before": plan.volume, "volume_after": None, "parts": planned}
            show_figures(figures, format_name)
            return
        agree("Compact now?", yes)
        outcome = finished(act.compact(attachment, studio.trash, BY))
        show_figures(
            {"action": "compact", **asdict(outcome), "parts": [asdict(part) for part in outcome.parts]}, format_name
        )


@click.command()
@click.argument("action", required=False)
@at_option
@changing
def undo(action: str | None, target: str | None, dry_run: bool, yes: bool, format_name: str) -> None:
    """Bring back what an action removed: the newest one, or ACTION."""
    _bring_back(action, (), None, target, dry_run=dry_run, yes=yes, format_name=format_name)


def _bring_back(
    action: str | None,
    keys: Sequence[str],
    namespace: str | None,
    target: str | None,
    *,
    dry_run: bool,
    yes: bool,
    format_name: str,
) -> None:
    from cache_studio.cli.session import studio as open_studio
    from cache_studio.services.act import find_action

    with open_studio() as opened:
        found = find_action(opened.trash, action)
        where = opened.same_place(target, found.target) if target else found.target
        only = opened.trash.named(found.id, keys, namespace) if keys else None
    narrate(f"Undo {found.verb} in {found.cache_name}: {format_count(found.waiting)} entries wait.")
    if only is not None:
        narrate(f"{format_count(len(only))} of them come back.")
    if dry_run:
        show_figures({"undo_id": found.id, "restored": 0, "newer_kept": 0, "failed": 0}, format_name)
        return
    agree("Bring them back?", yes)
    _restore(found.id, where, only, format_name)


@click.group()
def trash() -> None:
    """What waits for undo."""


@trash.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only entries whose key contains this.")
@format_option(TABLE_OR_JSON)
def trash_list(search: str, format_name: str) -> None:
    """List the actions that can be undone, or with --search the entries that wait."""
    from cache_studio.cli.session import studio as open_studio
    from cache_studio.model.times import format_iso

    with open_studio() as opened:
        if search:
            rows = [
                {"action": found.action_id, "at": format_iso(found.at), "key": found.key,
                 "namespace": found.namespace or None, "size": found.size, "cache": found.cache_name}
                for found in opened.trash.search(search)
            ]  # fmt: skip
        else:
            rows = [
                {"action": found.id, "at": format_iso(found.at), "verb": str(found.verb), "cache": found.cache_name,
                 "target": found.target, "entries": found.waiting, "size": found.kept_bytes,
                 "state": str(found.state)}
                for found in opened.trash.actions()
                if found.waiting
            ]  # fmt: skip
    if format_name == "json":
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [[figure_text(name, value) for name, value in row.items()] for row in rows])
    else:
        narrate("The trash is empty.")


@trash.command("restore")
@click.argument("action")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@namespace_option
@at_option
@changing
def trash_restore(action: str, keys: tuple[str, ...], namespace: str | None, target: str | None, **how: Any) -> None:
    """Bring back the entries of ACTION: all that wait, or those with the KEYs named."""
    if namespace is not None and not keys:
        raise BadRequest("A namespace goes with keys.", "Name the keys that come back.")
    _bring_back(action, keys, namespace, target, **how)


@trash.command("empty")
@click.argument("actions", nargs=-1, metavar="[ACTION]...")
@asking
def trash_empty(actions: tuple[str, ...], dry_run: bool, yes: bool, format_name: str) -> None:
    """Delete what waits for undo, for good: of the ACTIONs named, or all of it."""
    from cache_studio.cli.session import studio as open_studio
    from cache_studio.services.act import find_action

    with open_studio() as opened:
        chosen = [find_action(opened.trash, name) for name in dict.fromkeys(actions)]
        entries, size = (
            (sum(found.waiting for found in chosen), sum(found.kept_bytes for found in chosen))
            if chosen
            else opened.trash.usage()
        )
        narrate(f"{format_count(entries)} entries wait there for undo, {format_size(size)}.")
        removed = (0, 0)
        if not dry_run and entries:
            agree("Delete them for good? This cannot be undone.", yes)
            removed = opened.trash.empty([found.id for found in chosen] or None)
        show_figures({"action": "trash empty", "removed": removed[0], "freed_bytes": removed[1]}, format_name)


def agree(question: str, yes: bool) -> None:
    """Ask unless `yes`; UnsupportedAction when nobody can be asked, Cancelled when the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UnsupportedAction("Nobody is here to be asked.", "Repeat it with --yes, or look first with --dry-run.")
    if not click.confirm(question, default=False, err=True):
        raise UnsupportedAction("Nothing was changed.")


def _remove(
    target: str,
    make_plan: "Callable[[Studio, Attachment], Plan]",
    *,
    dry_run: bool,
    yes: bool,
    format_name: str,
) -> None:
    from cache_studio.model.plans import Outcome as NothingDone
    from cache_studio.services import act
    from cache_studio.services.plans import with_room
    from cache_studio.services.statistics import outcome_object

    with attached(target, writable=True) as (studio, attachment):
        made = make_plan(studio, attachment)
        plan = with_room(made, studio.trash, studio.settings.trash_bytes)
        _narrate_plan(plan)
        if dry_run:
            show_figures(outcome_object(NothingDone(plan.verb, plan.count)), format_name)
            return
        if plan.no_undo != made.no_undo and yes:  # who said yes beforehand did not know that
            raise UnsupportedAction("Nothing was removed: there is no room to keep copies for undo.", plan.no_undo)
        if plan.count:
            agree(f"{plan.verb.capitalize()} {format_count(plan.count)} entries?", yes)
        outcome = finished(act.run(attachment, plan, studio.trash, BY))
        for reason in outcome.reasons:
            narrate(reason)
        show_figures(outcome_object(outcome), format_name)
        sys.stdout.flush()
        if outcome.undo_id:
            narrate(f"To bring them back: cache-studio undo {outcome.undo_id}")
        _look_again(attachment, plan, outcome)
        studio.tidy()
        if not outcome.is_whole:
            raise SystemExit(Exit.INTERRUPTED if outcome.stopped else Exit.REFUSED)


def _look_again(attachment: "Attachment", plan: "Plan", outcome: "Outcome") -> None:
    from cache_studio.services.act import LOOK_AGAIN_SECONDS, came_back

    if not outcome.removed:
        return
    held = bool(attachment.standing.returns_entries)
    back = came_back(attachment, plan, outcome, lambda: held and Event().wait(LOOK_AGAIN_SECONDS))
    if back:
        why = "an application that runs stored them again" + ("" if held else ", or the removal had no effect")
        narrate(f"{format_count(back)} of them are there again: {why}.")


def _restore(action_id: str, target: "str | Target", only: Sequence[int] | None, format_name: str) -> None:
    from cache_studio.services import act
    from cache_studio.services.statistics import outcome_object

    with attached(target, writable=True) as (studio, attachment):
        outcome = finished(act.undo(attachment, studio.trash.action(action_id), studio.trash, only=only))
    for reason in outcome.reasons:
        narrate(reason)
    show_figures(outcome_object(outcome), format_name)
    if outcome.failed or outcome.newer_kept or outcome.stopped:
        raise SystemExit(Exit.REFUSED)


def finished(running: "Running[Any, Any]") -> Any:
    """The result of long work; the first Ctrl+C stops it after the current batch."""
    try:
        return waited(running.future)
    except KeyboardInterrupt:
        narrate("Stopping after this batch.")
        running.stop()
        return waited(running.future)
    except Cancelled:
        raise SystemExit(Exit.INTERRUPTED) from None


def _narrate_plan(plan: "Plan") -> None:
    narrate(
        f"{plan.verb.capitalize()} {format_count(plan.count)} entries of {plan.cache_name}, {format_size(plan.size)}."
    )
    for line in plan.first(_FIRST):
        narrate(f"  {line.entry.key}  {line.entry.namespace}  {format_size(line.entry.size)}  {line.reason}")
    if plan.count > _FIRST:
        narrate(f"  and {format_count(plan.count - _FIRST)} more")
    for note in plan.notes:
        narrate(note)
    if plan.no_undo:
        narrate(f"This cannot be undone: {plan.no_undo}")
    elif plan.count:
        narrate("Undo brings them back, value and expiry.")


def show_figures(figures: dict[str, Any], format_name: str) -> None:
    """Print what an action did: one JSON object, or a line a figure."""
    if format_name == "json":
        print_json(figures)
    else:
        print_figures(figures)


CHANGES: Sequence[click.Command] = (invalidate, purge, clear, evict, compact, undo, trash)
"""The commands of this module."""
