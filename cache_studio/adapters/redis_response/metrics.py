"""The requests that the application notes beside its cache: how long they took and what they cost."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from cache_studio.adapters.redis_calls import Command
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_response.layout import metrics_index, metrics_prefix
from cache_studio.model.times import number_of

NEWEST = 1000
"""How many requests are read back."""
_STEP = 100


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted of one request. Milliseconds and US dollars; None is not noted."""

    id: str
    at: float
    """When its response was cached, epoch seconds."""
    provider: str
    response_time_ms: float | None
    cost_usd: float | None


def noted_since(ask: Callable[[Sequence[Command]], Sequence[object]], prefix: str, moment: float) -> list[Noted]:
    """The requests noted since then, oldest first; those whose figures are gone are left out.

    `ask` sends commands and answers in order. There is no limit: a day of requests is read.
    """
    found = ask([("ZRANGEBYSCORE", bytes_of(metrics_index(prefix)), moment, "+inf", "WITHSCORES")])[0]
    words = cast(list[bytes], found) if isinstance(found, list) else []
    moments = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    return [
        Noted(
            text_of(name),
            moments[name],
            _provider(request),
            next(iter(_numbers([request], "response_time_ms")), None),
            next(iter(_numbers([request], "cost_usd")), None),
        )
        for name, request in _read(ask, prefix, list(moments))
    ]


def metrics_of(link: Link, prefix: str) -> dict[str, object]:
    """Figures of the newest requests, in all and by provider; `count` is None where nothing is noted.

    Times are milliseconds, costs US dollars.
    """
    index = bytes_of(metrics_index(prefix))
    ids = link.bracketed([("ZREVRANGE", index, 0, NEWEST - 1)])[0]
    names = cast(list[bytes], ids) if isinstance(ids, list) else []
    requests = [request for _, request in _read(link.bracketed, prefix, names)]
    if not requests:
        return {"count": None, "providers": []}
    by_provider: dict[str, list[Mapping[str, object]]] = {}
    for request in requests:
        by_provider.setdefault(_provider(request), []).append(request)
    return {
        **_figures(requests),
        "providers": [{"provider": name, **_figures(part)} for name, part in sorted(by_provider.items())],
    }


def _read(
    ask: Callable[[Sequence[Command]], Sequence[object]], prefix: str, ids: Sequence[bytes]
) -> Iterator[tuple[bytes, Mapping[str, object]]]:
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


def _provider(request: Mapping[str, object]) -> str:
    return str(request.get("provider") or request.get("provider_used") or "")


def _figures(requests: Sequence[Mapping[str, object]]) -> dict[str, object]:
    times = _numbers(requests, "response_time_ms")
    costs = _numbers(requests, "cost_usd")
    return {
        "count": len(requests),
        "mean_response_time_ms": sum(times) / len(times) if times else None,
        "cost_usd": sum(costs) if costs else None,
    }


def _numbers(requests: Sequence[Mapping[str, object]], name: str) -> list[float]:
    return [number for request in requests if math.isfinite(number := number_of(request.get(name)))]
