"""The figures of the Dashboard in words. No widgets here."""

from collections.abc import Mapping
from dataclasses import dataclass

from cache_studio.gui.dashboard.board import Board
from cache_studio.gui.look.text import display_text, tr
from cache_studio.model.seeing import Scope
from cache_studio.model.units import format_count, format_size

LOW_RATE = 0.5
"""Under this hit rate a cache of API responses gets a warning (systems.md, S5)."""


@dataclass(frozen=True, slots=True)
class CardWords:
    """One card; `figure` None is "not recorded". `tone` is a name of style_sheet.TONES."""

    title: str
    figure: str | None
    unit: str = ""
    source: str = ""
    note: str = ""
    tone: str = "plain"


def cards(board: Board) -> list[CardWords]:
    """The five cards. Where no hit rate is recorded, fills and removals take the place of hit rate and lookups."""
    first = [_rate(board), _lookups(board)] if board.has_rate else [_stored(board), _removed(board)]
    return [*first, _entries(board), _volume(board), _churn(board)]


def interval_words(seconds: float) -> str:
    """`"one point every 3 min"`."""
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size * 0.95:
            return tr("one point every {time}").format(time=f"{_rounded(seconds / size)} {unit}")
    return tr("one point every {time}").format(time=f"{_rounded(seconds)} s")


def warning(board: Board) -> str:
    """What a user should think about, "" when all is well."""
    rate = board.lookups.hit_rate
    if board.place.format.name == "redis-response" and rate is not None and rate < LOW_RATE:
        words = tr("Fewer than half of the lookups are hits ({rate} %). A longer TTL may help.")
        return words.format(rate=f"{rate * 100:.1f}")
    return ""


def target_words(rate: float, target: float) -> tuple[str, str]:
    """How far a hit rate is from its target, in words, and the tone."""
    points = (rate - target) * 100
    if abs(points) < 0.05:
        return tr("target {target} % met").format(target=f"{target * 100:.0f}"), "good"
    words = tr("{points} points above target") if points > 0 else tr("{points} points below target")
    return words.format(points=f"{abs(points):.1f}"), "good" if points > 0 else "warn"


def rate_source(board: Board) -> str:
    """Where the hit rate comes from and what it speaks of: `"recorded, whole server"`."""
    counters = board.standing.counters
    if counters.source is None:
        return ""
    source = tr(counters.source.value)
    return f"{source}, {tr('whole server')}" if counters.scope is Scope.SERVER else source


@dataclass(frozen=True, slots=True)
class LevelLine:
    """What the application's own runtime counted at one of its levels, as words."""

    level: str
    entries: str
    lookups: str
    hits: str
    hit_rate: str
    mean_time: str
    evictions: str


LEVELS = ("memory", "compressed", "disk", "redis")
"""Levels in the order in which they are asked."""


def level_lines(details: Mapping[str, object]) -> list[LevelLine]:
    """The panel of levels: the cache as a whole, then each level; empty where no runtime records levels."""
    recorder = details.get("recorder")
    levels = recorder.get("levels") if isinstance(recorder, Mapping) else None
    if not isinstance(recorder, Mapping) or not isinstance(levels, Mapping) or len(levels) < 2:
        return []
    order = {name: at for at, name in enumerate(LEVELS)}
    named = sorted(levels.items(), key=lambda pair: order.get(pair[0], len(order)))
    parts = [_level(display_text(str(name), 40), level) for name, level in named if isinstance(level, Mapping)]
    return [_level(tr("whole cache"), recorder), *parts]


def _level(name: str, figures: Mapping[str, object]) -> LevelLine:
    hits, misses = _number(figures.get("hits")), _number(figures.get("misses"))
    mean = _number(figures.get("mean_lookup_ms"))
    lookups = None if hits is None or misses is None else hits + misses
    return LevelLine(
        name,
        format_count(_number(figures.get("entries"))),
        format_count(lookups),
        format_count(hits),
        tr("no lookups") if not lookups or hits is None else f"{hits / lookups * 100:.1f} %",
        tr("not recorded") if mean is None else f"{mean:,.3f} ms",
        format_count(_number(figures.get("evictions"))),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _rate(board: Board) -> CardWords:
    rate = board.lookups.hit_rate
    if rate is None:
        return CardWords(tr("Hit rate"), None, note=tr("no lookups so far"))
    note, tone = target_words(rate, board.place.target_hit_rate)
    if not board.in_range:
        note += tr(", since counting began")
    return CardWords(tr("Hit rate"), f"{rate * 100:.1f}", "%", rate_source(board), note, tone)


def _lookups(board: Board) -> CardWords:
    hits, misses = board.lookups.hits, board.lookups.misses
    if hits is None or misses is None:
        return CardWords(tr("Lookups"), None)
    note = tr("{hits} hits, {misses} misses").format(hits=format_count(hits), misses=format_count(misses))
    return CardWords(tr("Lookups"), format_count(hits + misses), "", rate_source(board), note)


def _stored(board: Board) -> CardWords:
    stored, _ = board.moved()
    return CardWords(tr("Stored"), format_count(stored), tr("entries"), tr("derived"), tr("hit rate not recorded"))


def _removed(board: Board) -> CardWords:
    _, removed = board.moved()
    return CardWords(tr("Removed"), format_count(removed), tr("entries"), tr("derived"), tr("expired or taken out"))


def _entries(board: Board) -> CardWords:
    totals = board.totals
    if totals is None:
        return CardWords(tr("Entries"), None)
    named = (
        (totals.fresh, tr("fresh")),
        (totals.stale, tr("stale")),
        (totals.forever, tr("forever")),
        (totals.unknown, tr("of unknown expiry")),
        (totals.problems, tr("broken")),
    )
    parts = [f"{format_count(count)} {word}" for count, word in named if count]
    figure = format_count(totals.entries)
    if totals.pending:
        figure = f"≥ {figure}"
    return CardWords(tr("Entries"), figure, "", tr("recorded"), ", ".join(parts) or tr("none"))


def _volume(board: Board) -> CardWords:
    volume = board.standing.volume
    totals = board.totals
    shown = volume.volume
    if shown is None and totals is not None and totals.sizes_unknown < max(1, totals.entries):
        shown = totals.size
    if shown is None:
        return CardWords(tr("Volume"), None)
    figure, _, unit = format_size(shown).partition(" ")
    if volume.reclaimable:
        share = f", {volume.reclaimable / shown * 100:.0f} %" if shown else ""
        note, tone = tr("{size} reclaimable").format(size=format_size(volume.reclaimable)) + share, "stale"
    elif volume.capacity is not None:
        note, tone = tr("of {size} capacity").format(size=format_size(volume.capacity)), "plain"
    elif volume.reclaimable == 0:
        note, tone = tr("nothing reclaimable"), "plain"
    else:
        note, tone = tr("reclaimable not recorded"), "plain"
    return CardWords(tr("Volume"), figure, unit, tr("sampled"), note, tone)


def _churn(board: Board) -> CardWords:
    stored, removed = board.moved()
    minutes = board.minutes()
    if minutes <= 0:
        figure = f"+{format_count(stored)} −{format_count(removed)}"
        return CardWords(tr("Churn"), figure, "", tr("derived"), tr("stored, removed since attached"))
    figure = f"+{_rate_figure(stored / minutes)} −{_rate_figure(removed / minutes)}"
    return CardWords(tr("Churn"), figure, "/min", tr("derived"), tr("stored, removed"))


def _rate_figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 or abs(value - round(value)) < 0.05 else f"{value:.1f}"
