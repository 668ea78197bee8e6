"""What the dialog of the TTL says before, during and after a change. No widgets here."""

import math

from cache_studio.gui.activity.actions_model import moment_words
from cache_studio.gui.dialogs.plan_words import entries_words
from cache_studio.gui.look.text import tr
from cache_studio.model.plans import Progress
from cache_studio.model.ttl import Kind, TtlOutcome, TtlPlan, duration_words, span_words
from cache_studio.model.units import format_count

BUTTONS = {Kind.SET: "Set TTL of {entries}", Kind.EXTEND: "Extend TTL of {entries}", Kind.PERSIST: "Persist {entries}"}
_DONE = {
    Kind.SET: "The TTL of {entries} is {duration} now.",
    Kind.EXTEND: "The TTL of {entries} is {duration} longer now.",
    Kind.PERSIST: "The expiry of {entries} is taken away.",
}


def button(plan: TtlPlan) -> str:
    """Verb and count."""
    return tr(BUTTONS[plan.change.kind]).format(entries=entries_words(plan.count))


def foretold(plan: TtlPlan) -> tuple[tuple[str, str], ...]:
    """What the plan is about: name and words of each line."""
    chosen = plan.count + plan.left_out
    count = entries_words(plan.count)
    if plan.left_out:
        count = tr("{count} of {chosen} chosen").format(count=entries_words(plan.count), chosen=format_count(chosen))
    if not plan.count:
        return ((tr("Entries"), count),)
    return (
        (tr("Entries"), count),
        (tr("TTL now"), span_words(plan.before, plan.now)),
        (tr("TTL then"), span_words(plan.after, plan.now)),
        (tr("Expire"), _until(plan)),
    )


def _until(plan: TtlPlan) -> str:
    first, last = plan.after.first, plan.after.last
    if first is None or last is None:
        return tr("never")
    begin, end = moment_words(first), moment_words(last)
    return begin if begin == end else tr("{begin} to {end}").format(begin=begin, end=end)


def doing(plan: TtlPlan) -> str:
    """The title while it runs."""
    return tr("Changing the TTL of {entries}").format(entries=entries_words(plan.count))


def progress_words(progress: Progress) -> str:
    """`"187 of 312 entries, 1 changed meanwhile and kept"`."""
    done, planned = format_count(progress.done), format_count(progress.planned)
    parts = [tr("{done} of {planned} entries").format(done=done, planned=planned)]
    if progress.changed:
        parts.append(tr("{count} changed meanwhile and kept").format(count=format_count(progress.changed)))
    if progress.failed:
        parts.append(tr("{count} failed").format(count=format_count(progress.failed)))
    return ", ".join(parts)


def done_words(plan: TtlPlan, outcome: TtlOutcome) -> str:
    """What a change did, in one line."""
    seconds = plan.change.seconds
    duration = "" if math.isinf(seconds) else duration_words(seconds)
    words = [tr(_DONE[outcome.change]).format(entries=entries_words(outcome.set), duration=duration)]
    if outcome.changed_meanwhile:
        kept = tr("{n} changed meanwhile and kept their own.")
        words.append(kept.format(n=format_count(outcome.changed_meanwhile)))
    if outcome.gone:
        words.append(tr("{n} already gone.").format(n=format_count(outcome.gone)))
    if outcome.failed:
        reason = f" {outcome.reasons[0]}" if outcome.reasons else ""
        words.append(tr("{n} failed.").format(n=format_count(outcome.failed)) + reason)
    if outcome.stopped:
        words.append(tr("Stopped before the end."))
    return " ".join(words)
