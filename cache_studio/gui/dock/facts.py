"""What is known of one entry, as lines of name, figure and source. No widgets here."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cache_studio.gui.look.text import tr
from cache_studio.model.entries import Entry
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Source
from cache_studio.model.units import NOT_RECORDED, format_count, format_size


@dataclass(frozen=True, slots=True)
class FactLine:
    """One line; `source` is "" where the figure is not recorded."""

    name: str
    value: str
    source: str = ""


def fact_lines(entry: Entry, sources: Mapping[str, Source]) -> list[FactLine]:
    """The lines below the TTL, in their order. Tags are drawn apart."""
    lines = [
        _line("Expires", "expires", _expiry_words(entry.expires_at), entry.expires_at, sources),
        _line("Created", "created", moment_words(entry.created_at), entry.created_at, sources),
        _line("Last read", "accessed", moment_words(entry.accessed_at), entry.accessed_at, sources),
        _line("Size", "size", _size_words(entry), entry.size, sources),
        _line("Hits", "hits", format_count(entry.hits), entry.hits, sources),
        FactLine(tr("Misses"), tr(NOT_RECORDED)),
    ]
    if entry.namespace:
        lines.insert(0, FactLine(tr("Namespace"), entry.namespace, source_words("namespace", sources)))
    return lines


def ttl_share(entry: Entry, now: float) -> float:
    """Share of the TTL that is left, 0 to 1; NaN where it is not recorded."""
    if entry.expires_at is None or entry.created_at is None or math.isinf(entry.expires_at):
        return math.nan
    whole = entry.expires_at - entry.created_at
    return (entry.expires_at - now) / whole if whole > 0 else math.nan


def own_lines(facts: Iterable[Fact]) -> list[FactLine]:
    """What the format adds, such as the model that was asked."""
    return [FactLine(fact.name, _local(fact.value), tr(fact.source.value)) for fact in facts]


def source_words(column: str, sources: Mapping[str, Source]) -> str:
    """Where a column comes from; what nobody says otherwise is recorded."""
    return tr(sources.get(column, Source.RECORDED).value)


def moment_words(moment: float | None) -> str:
    """`"20 Nov 2026, 15:42:07"`, local time."""
    if moment is None:
        return tr(NOT_RECORDED)
    try:
        local = datetime.fromtimestamp(moment)
    except (ValueError, OverflowError, OSError):
        return tr("outside of the calendar")
    return f"{local.day} {local:%b %Y, %H:%M:%S}"


def _local(value: str) -> str:
    """A moment that the format wrote as ISO 8601 in UTC is shown like the others."""
    if value.endswith("Z") and value[10:11] == "T":
        try:
            return moment_words(datetime.fromisoformat(value).timestamp())
        except (ValueError, OverflowError, OSError):
            return value
    return value


def _line(name: str, column: str, words: str, value: object, sources: Mapping[str, Source]) -> FactLine:
    return FactLine(tr(name), words, "" if value is None else source_words(column, sources))


def _expiry_words(moment: float | None) -> str:
    return tr("never") if moment is not None and math.isinf(moment) else moment_words(moment)


def _size_words(entry: Entry) -> str:
    size = tr(NOT_RECORDED) if entry.size is None else format_size(entry.size)
    return f"{size}, {entry.type}" if entry.type else size
