"""The requests that the application notes beside its cache: how long they took and what they cost."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from cache_studio.adapters.redis_calls import Command
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_response.layout import METRICS_SECONDS, metrics_index, metrics_prefix
from cache_studio.model.times import format_iso, number_of

NEWEST = 10_000
"""How many requests are read back."""
LATE = 60.0
"""Seconds by which a request may be noted later than a younger one."""
SLOW = 0.95
"""The share of requests that took `slow_response_time_ms` at most."""
_STEP = 100
Ask: TypeAlias = Callable[[Sequence[Command]], Sequence[object]]
"""Sends commands and answers in order."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted of one request. Milliseconds and US dollars; None is not noted."""

    id: str
    at: float
    """When its response was cached, epoch seconds."""
    provider: str
    response_time_ms: float | None
    cost_usd: float | None


PERIODS: Mapping[str, float] = {"15 min": 900.0, "1 h": 3600.0, "6 h": 21_600.0, "24 h": METRICS_SECONDS}
"""Words of a period -> its seconds: what `details` has figures for."""


def noted_since(ask: Ask, prefix: str, moment: float) -> list[Noted]:
    """The requests noted since then, oldest first; those whose figures are gone are left out.

    There is no limit: a day of requests is read.
    """
    found = ask([("ZRANGEBYSCORE", bytes_of(metrics_index(prefix)), moment, "+inf", "WITHSCORES")])[0]
    moments = _scores(found)
    return [_noted(name, moments[name], request) for name, request in _read(ask, prefix, list(moments))]


class Requests:
    """The requests noted beside one cache, followed: what was read once is not read again."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._index = bytes_of(metrics_index(prefix))
        self._known: dict[bytes, Noted] = {}

    def figures(self, ask: Ask, now: float) -> dict[str, object]:
        """Figures of the newest requests and, of these, for each period until now, in all and by provider.

        Times are milliseconds, costs US dollars; `count` is None where nothing is noted.
        """
        self._look(ask)
        found = list(self._known.values())
        if not found:
            return {"count": None, "providers": []}
        periods = {
            name: _by_provider([request for request in found if request.at >= now - seconds])
            for name, seconds in PERIODS.items()
        }
        oldest = min(request.at for request in found)
        return {**_by_provider(found), "since": format_iso(oldest), "periods": periods}

    def _look(self, ask: Ask) -> None:
        index = self._index
        count, first = ask([("ZCARD", index), ("ZRANGE", index, 0, 0, "WITHSCORES")])
        kept_since = min(_scores(first).values(), default=math.inf)
        self._known = {name: request for name, request in self._known.items() if request.at >= kept_since}
        if isinstance(count, int) and count < len(self._known):
            self._known.clear()  # begun anew
        newest = max((request.at for request in self._known.values()), default=None)
        since = (
            ("ZREVRANGE", index, 0, NEWEST - 1) if newest is None else ("ZRANGEBYSCORE", index, newest - LATE, "+inf")
        )
        moments = _scores(ask([(*since, "WITHSCORES")])[0])
        new = [name for name in sorted(moments, key=moments.__getitem__) if name not in self._known][-NEWEST:]
        self._known |= {name: _noted(name, moments[name], request) for name, request in _read(ask, self._prefix, new)}
        for name in sorted(self._known, key=lambda name: self._known[name].at)[: len(self._known) - NEWEST]:
            del self._known[name]


def _scores(answer: object) -> dict[bytes, float]:
    words = cast(list[bytes], answer) if isinstance(answer, list) else []
    return dict(zip(words[::2], map(float, words[1::2]), strict=True))


def _read(ask: Ask, prefix: str, ids: Sequence[bytes]) -> Iterator[tuple[bytes, Mapping[str, object]]]:
    head = bytes_of(metrics_prefix(prefix))
    for start in range(0, len(ids), _STEP):
        step = ids[start : start + _STEP]
        for name, answer in zip(step, ask([("GET", head + name) for name in step]), strict=True):
            try:
                request = json.loads(answer) if isinstance(answer, bytes) else None
            except (ValueError, RecursionError):
                continue
            if isinstance(request, dict):
                yield name, request


def _noted(name: bytes, at: float, request: Mapping[str, object]) -> Noted:
    provider = str(request.get("provider") or request.get("provider_used") or "")
    return Noted(
        text_of(name), at, provider, _number(request.get("response_time_ms")), _number(request.get("cost_usd"))
    )


def _number(value: object) -> float | None:
    number = number_of(value)
    return number if math.isfinite(number) else None


def _by_provider(requests: Sequence[Noted]) -> dict[str, object]:
    parts: dict[str, list[Noted]] = {}
    for request in requests:
        parts.setdefault(request.provider, []).append(request)
    return {
        **_figures(requests),
        "providers": [{"provider": name, **_figures(part)} for name, part in sorted(parts.items())],
    }


def _figures(requests: Sequence[Noted]) -> dict[str, object]:
    times = sorted(request.response_time_ms for request in requests if request.response_time_ms is not None)
    costs = [request.cost_usd for request in requests if request.cost_usd is not None]
    return {
        "count": len(requests),
        "mean_response_time_ms": sum(times) / len(times) if times else None,
        "slow_response_time_ms": times[math.ceil(SLOW * len(times)) - 1] if times else None,
        "cost_usd": sum(costs) if costs else None,
        "mean_cost_usd": sum(costs) / len(costs) if costs else None,
    }
