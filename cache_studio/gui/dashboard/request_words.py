"""The requests of an application in words: how many, how long they took, what they cost. No widgets here."""

from collections.abc import Mapping
from dataclasses import dataclass

from cache_studio.gui.look.text import display_text, tr
from cache_studio.model.units import format_count

ALL = "All noted"
"""The period that has no limit."""
_PROVIDERS = 8


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Requests of one provider, as words."""

    provider: str
    count: str
    mean_time: str
    slow_time: str
    cost: str
    cost_each: str


def periods(details: Mapping[str, object]) -> list[str]:
    """The periods that there are figures for, the shortest first; empty where the cache notes no requests."""
    requests = _requests(details)
    found = requests.get("periods")
    return [*found, ALL] if requests.get("count") and isinstance(found, Mapping) else []


def request_lines(details: Mapping[str, object], period: str = ALL) -> list[RequestLine]:
    """All requests of a period, then a line a provider; empty where the cache notes none at all."""
    requests = _requests(details)
    if not requests.get("count"):
        return []
    if period != ALL:
        parts = requests.get("periods")
        found = parts.get(period) if isinstance(parts, Mapping) else None
        requests = found if isinstance(found, Mapping) else {}
    providers = requests.get("providers")
    named = [part for part in providers if isinstance(part, Mapping)] if isinstance(providers, list) else []
    return [_request(tr("all"), requests)] + [
        _request(display_text(str(part.get("provider") or tr("unnamed")), 80), part) for part in named[:_PROVIDERS]
    ]


def _requests(details: Mapping[str, object]) -> Mapping[str, object]:
    requests = details.get("requests")
    return requests if isinstance(requests, Mapping) else {}


def _request(name: str, figures: Mapping[str, object]) -> RequestLine:
    count = _number(figures.get("count")) or 0
    return RequestLine(
        name,
        format_count(count),
        _time(figures.get("mean_response_time_ms"), count),
        _time(figures.get("slow_response_time_ms"), count),
        _money(figures.get("cost_usd"), count),
        _money(figures.get("mean_cost_usd"), count),
    )


def _time(value: object, count: float) -> str:
    number = _number(value)
    return f"{number:,.0f} ms" if number is not None else tr("not recorded") if count else "–"


def _money(value: object, count: float) -> str:
    number = _number(value)
    return f"{number:,.4f} $" if number is not None else tr("not recorded") if count else "–"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
