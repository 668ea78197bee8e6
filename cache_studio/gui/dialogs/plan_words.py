"""What a plan, its progress and its outcome say, in words. No widgets here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache_studio.gui.look.text import tr
from cache_studio.model.plans import Plan, Progress, Verb
from cache_studio.model.statistics import Group
from cache_studio.model.units import NOT_RECORDED, format_count, format_size

NAMESPACES_SHOWN = 5
"""Lines of namespaces in a plan; the others are counted."""


@dataclass(frozen=True, slots=True)
class VerbWords:
    """How one action speaks: `icon` and `tone` of its tile, the other fields are sentences with places to fill."""

    icon: str
    tone: str
    name: str
    title: str
    sentence: str
    empty: str
    doing: str


WORDS = {
    Verb.PURGE: VerbWords(
        "purge",
        "stale",
        "Purge",
        "Purge {stale} from {cache}?",
        "They are past their expiry and still stored. Purging frees {size}.",
        "No entry of {cache} is past its expiry.",
        "Purging stale entries from {cache}",
    ),
    Verb.INVALIDATE: VerbWords(
        "invalidate",
        "accent",
        "Invalidate",
        "Invalidate {entries} of {cache}?",
        "They are removed from what is stored, so that the next lookup misses. This frees {size}.",
        "No entry of {cache} is chosen.",
        "Invalidating entries of {cache}",
    ),
    Verb.EVICT: VerbWords(
        "evict",
        "accent",
        "Evict",
        "Evict {entries} from {cache}?",
        "They go in the order of the policy until the limit is met. Evicting frees {size}.",
        "{cache} is within the limit already.",
        "Evicting entries from {cache}",
    ),
    Verb.CLEAR: VerbWords(
        "clear",
        "urgent",
        "Clear",
        "Clear {entries} from {cache}?",
        "All of them are removed, fresh ones too. Clearing frees {size}.",
        "{cache} holds no entry there.",
        "Clearing {cache}",
    ),
}
"""The words of each removing action."""


@dataclass(frozen=True)
class PlanFigures:
    """A plan with what is drawn of it; made off the window's thread, because a plan may hold a million rows."""

    plan: Plan
    largest: NDArray[np.intp]
    """The rows of the plan, the largest entry first."""
    size_known: int
    """Entries of the plan whose size is known."""

    @property
    def size(self) -> float | None:
        """Bytes of the entries that go; None where no size is recorded."""
        return self.plan.size if self.size_known or not self.plan.count else None


def figures_of(plan: Plan) -> PlanFigures:
    """Put the rows in order and count what is known."""
    sizes = plan.view.numbers["size"][plan.rows]
    order = np.argsort(-np.nan_to_num(sizes), kind="stable")
    return PlanFigures(plan, plan.rows[order], int(plan.rows.size - np.isnan(sizes).sum()))


def entries_words(count: int, kind: str = "") -> str:
    """`"1 entry"`, `"312 stale entries"`."""
    words = tr("entry") if count == 1 else tr("entries")
    return " ".join(part for part in (format_count(count), kind, words) if part)


def title(plan: Plan) -> str:
    """The question of the dialog."""
    return _filled(WORDS[plan.verb].title, plan)


def sentence(figures: PlanFigures) -> str:
    """What the action means, and what it frees."""
    words = tr(WORDS[figures.plan.verb].sentence)
    meaning = words.rpartition(". ")[0] + ". "
    if figures.size is None:
        return meaning + tr("Sizes are not recorded.")
    size = format_size(figures.size)
    if not figures.plan.frees_at_once:
        return meaning + tr("Together they take {size}.").format(size=size)
    return words.format(size=size)


def nothing(plan: Plan) -> str:
    """Why an empty plan is empty."""
    return _filled(WORDS[plan.verb].empty, plan)


def button(plan: Plan) -> str:
    """Verb and count."""
    return f"{tr(WORDS[plan.verb].name)} {entries_words(plan.count)}"


def doing(plan: Plan) -> str:
    """The title while it runs."""
    return _filled(WORDS[plan.verb].doing, plan)


def undo_words(days: int, what: str = "value and remaining TTL") -> str:
    """How long an action can be undone, and what comes back."""
    return tr("Can be undone for {days} days, with {what}").format(days=days, what=tr(what))


def progress_words(progress: Progress) -> str:
    """`"187 of 312 entries, 0.7 MB freed, 1 changed meanwhile and kept"`."""
    parts = [
        tr("{done} of {planned} entries").format(
            done=format_count(progress.done), planned=format_count(progress.planned)
        ),
    ]
    if progress.freed:
        parts.append(tr("{size} freed").format(size=format_size(progress.freed)))
    if progress.changed:
        parts.append(tr("{count} changed meanwhile and kept").format(count=format_count(progress.changed)))
    if progress.failed:
        parts.append(tr("{count} failed").format(count=format_count(progress.failed)))
    return ", ".join(parts)


def left_words(progress: Progress, seconds: float) -> str:
    """How long it will still take, by what took `seconds` so far; "" while that would be a guess."""
    if progress.done <= 0 or seconds < 0.5 or progress.done >= progress.planned:
        return ""
    left = seconds / progress.done * (progress.planned - progress.done)
    if left < 90:
        return tr("about {count} s left").format(count=max(1, round(left)))
    return tr("about {count} min left").format(count=round(left / 60))


def group_name(name: str) -> str:
    """The name of a namespace; "" is the cache itself."""
    return name or tr("no namespace")


def stays(plan: Plan) -> list[str]:
    """What is kept, a line a namespace; the smaller ones are counted together."""
    groups = list(plan.kept_by_namespace)
    if not groups:
        return [tr("Nothing stays.")]
    if len(groups) == 1 and not groups[0].name:
        return [f"{entries_words(groups[0].entries)}, {format_size(groups[0].size)}"]
    lines = [_stay(group) for group in groups[:NAMESPACES_SHOWN]]
    rest = groups[NAMESPACES_SHOWN:]
    if rest:
        entries, size = sum(group.entries for group in rest), sum(group.size for group in rest)
        lines.append(
            tr("{entries} in {count} more, {size}").format(
                entries=entries_words(entries), count=len(rest), size=format_size(size)
            )
        )
    return lines


def _stay(group: Group) -> str:
    words = tr("{entries} in {name}, {size}")
    return words.format(entries=entries_words(group.entries), name=group_name(group.name), size=format_size(group.size))


def _filled(words: str, plan: Plan) -> str:
    return tr(words).format(
        cache=plan.cache_name,
        entries=entries_words(plan.count),
        stale=entries_words(plan.count, tr("stale")),
    )


def size_words(size: float | None) -> str:
    """A size, or "not recorded"."""
    return tr(NOT_RECORDED) if size is None else format_size(size)
