"""What requests took and cost, by provider, and what the hits saved."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cache_studio.adapters.redis_response.metrics import Noted  # the driver: not before it is needed


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of some requests; None where none of them noted it."""

    count: int
    mean_response_time_ms: float | None
    median_response_time_ms: float | None
    p95_response_time_ms: float | None
    """The time that 95 % of them did not exceed."""
    cost_usd: float | None
    """Of all together."""
    mean_cost_usd: float | None
    """Of those that noted a cost."""


@dataclass(frozen=True, slots=True)
class RequestMetrics:
    """The requests of a time, oldest first, their figures in all and by provider ("" is not noted)."""

    rows: "tuple[Noted, ...]"
    total: Summary
    providers: dict[str, Summary]

    def seconds_saved(self, hits: int) -> float | None:
        """What so many hits would have taken: hits x the mean response time."""
        mean = self.total.mean_response_time_ms
        return None if mean is None else hits * mean / 1000

    def money_saved(self, hits: int) -> float | None:
        """What so many hits would have cost, in US dollars: hits x the mean cost."""
        return None if self.total.mean_cost_usd is None else hits * self.total.mean_cost_usd


def metrics_from(rows: "Iterable[Noted]") -> RequestMetrics:
    """The figures of these requests."""
    known = tuple(rows)
    by_provider: dict[str, list[Noted]] = {}
    for row in known:
        by_provider.setdefault(row.provider, []).append(row)
    return RequestMetrics(known, _summary(known), {name: _summary(by_provider[name]) for name in sorted(by_provider)})


def _summary(rows: "Sequence[Noted]") -> Summary:
    times = sorted(row.response_time_ms for row in rows if row.response_time_ms is not None)
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    return Summary(
        len(rows),
        fmean(times) if times else None,
        median(times) if times else None,
        times[math.ceil(len(times) * 0.95) - 1] if times else None,
        math.fsum(costs) if costs else None,
        fmean(costs) if costs else None,
    )
