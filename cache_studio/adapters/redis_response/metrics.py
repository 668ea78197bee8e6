"""The requests that the application notes beside its cache: how long they took and what they cost."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import cast

from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_response.layout import metrics_index, metrics_prefix

NEWEST = 1000
"""How many requests are read back."""
_STEP = 100


def metrics_of(link: Link, prefix: str) -> dict[str, object]:
    """Figures of the newest requests, in all and by provider; `count` is None where nothing is noted.

    Times are milliseconds, costs US dollars.
    """
    index = bytes_of(metrics_index(prefix))
    ids = link.bracketed([("ZREVRANGE", index, 0, NEWEST - 1)])[0]
    requests = _read(link, prefix, cast(list[bytes], ids)) if isinstance(ids, list) else []
    if not requests:
        return {"count": None, "providers": []}
    by_provider: dict[str, list[Mapping[str, object]]] = {}
    for request in requests:
        by_provider.setdefault(str(request.get("provider") or request.get("provider_used") or ""), []).append(request)
    return {
        **_figures(requests),
        "providers": [{"provider": name, **_figures(part)} for name, part in sorted(by_provider.items())],
    }


def _read(link: Link, prefix: str, ids: Sequence[bytes]) -> list[Mapping[str, object]]:
    head = bytes_of(metrics_prefix(prefix))
    found: list[Mapping[str, object]] = []
    for start in range(0, len(ids), _STEP):
        for answer in link.bracketed([("GET", head + name) for name in ids[start : start + _STEP]]):
            try:
                request = json.loads(answer) if isinstance(answer, bytes) else None
            except (ValueError, RecursionError):
                continue
            if isinstance(request, dict):
                found.append(request)
    return found


def _figures(requests: Sequence[Mapping[str, object]]) -> dict[str, object]:
    times = _numbers(requests, "response_time_ms")
    costs = _numbers(requests, "cost_usd")
    return {
        "count": len(requests),
        "mean_response_time_ms": sum(times) / len(times) if times else None,
        "cost_usd": sum(costs) if costs else None,
    }


def _numbers(requests: Sequence[Mapping[str, object]], name: str) -> list[float]:
    values = (request.get(name) for request in requests)
    return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
