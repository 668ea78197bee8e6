"""How the response cache names its keys and writes its values (systems.md, S5)."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from cache_studio.adapters.redis_options import RESPONSE_META, root_of
from cache_studio.model.times import format_iso, parse_time

DEFAULT_PREFIX = "luciddreamer:cache:"
META = RESPONSE_META
"""What the name of an entry's twin adds."""
META_BYTES = 65_536
"""More of a twin is not read."""


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


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _short(number: float) -> float | int:
    return int(number) if number == int(number) else number
