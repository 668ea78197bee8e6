"""How the response cache names its keys and writes its values (systems.md, S5)."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cache_studio.adapters.redis_options import RESPONSE_META, root_of
from cache_studio.model.errors import BadRequest
from cache_studio.model.times import format_iso, number_of, parse_time

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


_OWN = ("request_id", "provider_used", "cached_at", "ttl_seconds", "namespace", "tags")
"""The fields of a twin that are no further metadata: the original four, and what the runtime adds."""
_LIKE_A_TWIN = re.compile(r"(?:^|:)meta%*$")
_WRITTEN_LIKE_A_TWIN = re.compile(r"(?:^|:)meta%+$")
_ESCAPED = re.compile("%(25|3A|70)")


def meta_of(key: str) -> str:
    """The twin of an entry."""
    return key + META


def key_of(key: str, namespace: str, prefix: str) -> str:
    """The name of an entry: `<prefix><key>`, with a namespace `<prefix><namespace>:<key>`; never that of another.

    So a `:` in a namespace is `%3A`, a key with a `:` and without a namespace begins with another one, a namespace
    "processing" begins with `%70`, and what would be called like a twin ends with `%`.
    """
    if "meta" in key and _LIKE_A_TWIN.search(key):
        key += "%"
    if namespace:
        written = namespace.replace("%", "%25").replace(":", "%3A")
        return f"{prefix}{'%70rocessing' if written == 'processing' else written}:{key}"
    return f"{prefix}:{key}" if ":" in key else prefix + key


def place_of_key(name: str, prefix: str) -> tuple[str, str]:
    """Namespace and key of the entry that `key_of` calls by this name."""
    head, colon, key = name[len(prefix) :].partition(":")
    if not colon:
        head, key = "", head
    if "meta%" in key and _WRITTEN_LIKE_A_TWIN.search(key):
        key = key[:-1]
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), head), key


def tagged(name: str, prefix: str) -> str:
    """How the entry of this name is called on a cluster: `<prefix>{<rest>}`, so that it shares a slot with its twin."""
    return f"{prefix}{{{name[len(prefix) :]}}}"


def untagged(name: str, prefix: str) -> str:
    """The name that `tagged` made this of, also for a twin; any other name as it is."""
    end = META if name.endswith("}" + META) else ""
    rest = name[len(prefix) : len(name) - len(end)]
    return f"{prefix}{rest[1:-1]}{end}" if is_tagged(name, prefix) else name


def is_tagged(name: str, prefix: str) -> bool:
    """Whether it looks like a name that `tagged` made, or its twin."""
    return name.startswith(prefix + "{") and name.removesuffix(META).endswith("}")


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
    own_tags: tuple[str, ...] = ()
    others: Mapping[str, object] = field(default_factory=dict)
    """What else an application told of its entry."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The provider and the application's own tags, each once."""
        return tuple(dict.fromkeys((*((self.provider,) if self.provider else ()), *self.own_tags)))

    @property
    def metadata(self) -> dict[str, object]:
        """Request id, provider and what else was told."""
        told = {"request_id": self.request_id, "provider_used": self.provider}
        return {name: value for name, value in told.items() if value is not None} | dict(self.others)


def parse_meta(data: bytes) -> Meta | None:
    """Read a twin; None when it is no JSON object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    ttl, tags = found.get("ttl_seconds"), found.get("tags")
    return Meta(
        _text(found.get("request_id")),
        _text(found.get("provider_used")),
        parse_time(found.get("cached_at"), zone="utc"),
        number_of(ttl),
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        {name: value for name, value in found.items() if name not in _OWN},
    )


def write_meta(
    metadata: Mapping[str, object], created: float, ttl: float | None, namespace: str = "", tags: Sequence[str] = ()
) -> bytes:
    """The twin of an entry made at `created` with this TTL (None: never stale).

    The original four fields come first; namespace, tags and other metadata follow where there are any.
    BadRequest for metadata that JSON does not hold, or for more of it than is read again.
    """
    known = {"request_id": metadata.get("request_id"), "provider_used": metadata.get("provider_used")}
    times = {"cached_at": format_iso(created), "ttl_seconds": None if ttl is None else _short(ttl)}
    added = {name: value for name, value in (("namespace", namespace), ("tags", list(tags))) if value}
    others = {name: value for name, value in metadata.items() if name not in _OWN}
    try:
        twin = json.dumps(known | times | added | others, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"The metadata cannot be stored as JSON: {error}.", "Give texts and numbers.") from error
    if len(twin) > META_BYTES:
        raise BadRequest(f"The metadata takes more than {META_BYTES:,} bytes.", "Put it into the value.")
    return twin


@dataclass(frozen=True, slots=True)
class Request:
    """The figures of one request: its id, and the JSON object that is kept under it."""

    id: str
    data: bytes


def said_by(value: bytes) -> Mapping[str, object]:
    """The fields of a response; none when it is no JSON object, or a very long one."""
    if len(value) > _RESPONSE_BYTES:
        return {}
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def names_of(said: Mapping[str, object]) -> dict[str, object]:
    """What a response says of itself that its twin says, too: request id and provider."""
    return {name: said[name] for name in ("request_id", "provider_used") if isinstance(said.get(name), str)}


def request_of(told: Mapping[str, object]) -> Request | None:
    """What a response, and what is told beside it, say of their request; None without an id, a time or a cost."""
    figures = {name: number for name, names in _FIGURES.items() if (number := _number(told, names)) is not None}
    request_id = _text(told.get("request_id"))
    if not request_id or not figures:
        return None
    provider = _text(told.get("provider_used")) or _text(told.get("provider"))
    return Request(request_id, json.dumps({"provider": provider, **figures}).encode())


def _number(told: Mapping[str, object], names: Sequence[str]) -> float | None:
    values = (told.get(name) for name in names)
    numbers = (v for v in values if isinstance(v, int | float) and math.isfinite(number_of(v)))
    return next(numbers, None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _short(number: float) -> float | int:
    return int(number) if number == int(number) else number
