"""How the response cache names its keys and writes its values (systems.md, S5)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cache_studio.adapters.redis_options import RESPONSE_META, root_of
from cache_studio.model.times import format_iso, parse_time

DEFAULT_PREFIX = "luciddreamer:cache:"
META = RESPONSE_META
"""What the name of an entry's twin adds."""
META_BYTES = 65_536
"""More of a twin is not read."""
METRICS_SECONDS = 86_400
"""How long the figures of a request are kept."""
_RESPONSE_BYTES = 1 << 20
"""A longer response is not searched for its figures."""
_FIGURES = {"response_time_ms": ("response_time_ms", "processing_time_ms"), "cost_usd": ("cost_usd",)}
"""What is noted of a request, and under which names a response tells it."""


def meta_of(key: str) -> str:
    """The twin of an entry."""
    return key + META


def metrics_prefix(prefix: str) -> str:
    """Start of the keys that hold the figures of one request each."""
    return f"{root_of(prefix)}:metrics:"


def metrics_index(prefix: str) -> str:
    """The sorted set of request ids by epoch seconds."""
    return f"{root_of(prefix)}:metrics"


@dataclass(frozen=True, slots=True)
class Meta:
    """What the twin says; None or NaN is not written there."""

    request_id: str | None
    provider: str | None
    cached_at: float
    ttl: float


def parse_meta(data: bytes) -> Meta | None:
    """Read a twin; None when it is no JSON object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    ttl = found.get("ttl_seconds")
    return Meta(
        _text(found.get("request_id")),
        _text(found.get("provider_used")),
        parse_time(found.get("cached_at"), zone="utc"),
        float(ttl) if isinstance(ttl, int | float) and not isinstance(ttl, bool) else math.nan,
    )


def write_meta(metadata: Mapping[str, object], created: float, ttl: float | None) -> bytes:
    """The twin of an entry made at `created` with this TTL (None: never stale)."""
    known = {"request_id": metadata.get("request_id"), "provider_used": metadata.get("provider_used")}
    times = {"cached_at": format_iso(created), "ttl_seconds": None if ttl is None else _short(ttl)}
    return json.dumps(known | times).encode()


@dataclass(frozen=True, slots=True)
class Request:
    """The figures of one request: its id, and the JSON object that is kept under it."""

    id: str
    data: bytes


def request_of(value: bytes, metadata: Mapping[str, object]) -> Request | None:
    """What a response and what is told beside it say of their request; None without an id, a time or a cost."""
    told = {**_object(value), **metadata}
    figures = {name: number for name, names in _FIGURES.items() if (number := _number(told, names)) is not None}
    request_id = _text(told.get("request_id"))
    if not request_id or not figures:
        return None
    provider = _text(told.get("provider_used")) or _text(told.get("provider"))
    return Request(request_id, json.dumps({"provider": provider, **figures}).encode())


def _object(value: bytes) -> Mapping[str, object]:
    if len(value) > _RESPONSE_BYTES:
        return {}
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(told: Mapping[str, object], names: Sequence[str]) -> float | None:
    values = (told.get(name) for name in names)
    numbers = (v for v in values if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v))
    return next(numbers, None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _short(number: float) -> float | int:
    return int(number) if number == int(number) else number
