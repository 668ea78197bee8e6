"""Which field of a JSON object or column of a table plays which part: guessed, shown, changeable.

One table declares the parts; the options of every mapped format, the guesses and the attach dialog
come from it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cache_studio.model.options import Option, OptionKind, OptionValue
from cache_studio.model.times import UNITS, ZONES, looks_like_times, number_of, parse_time


@dataclass(frozen=True, slots=True)
class Role:
    """A part that a field can play; `names` are the usual names, the likeliest first."""

    name: str
    title: str
    names: tuple[str, ...]
    is_time: bool = False


ROLES = (
    Role("key", "Key", ("cache_key", "key", "k", "hash", "id", "name", "url", "digest")),
    Role("value", "Value", ("value", "result", "response", "data", "content", "payload", "body", "v", "text")),
    Role(
        "created",
        "Created",
        ("created_at", "created", "timestamp", "cached_at", "stored_at", "store_time", "time", "date", "ts", "mtime"),
        True,
    ),
    Role(
        "accessed",
        "Last read",
        ("last_accessed", "last_access", "accessed_at", "last_used_at", "last_used", "access_time", "atime"),
        True,
    ),
    Role(
        "expires",
        "Expires",
        ("expires_at", "expires", "expire_time", "expire", "expiry", "expiration", "valid_until", "exp"),
        True,
    ),
    Role("ttl_field", "TTL of the entry", ("ttl", "ttl_seconds", "max_age", "lifetime", "duration")),
    Role("hits", "Hits", ("hits", "hit_count", "access_count", "use_count", "uses", "count")),
    Role("size", "Size", ("size", "size_bytes", "length", "bytes")),
    Role("tags", "Tags", ("tags", "labels", "tag")),
    Role("namespace", "Namespace", ("namespace", "ns", "region", "category", "group", "asset_type", "type")),
)
"""The parts, in the order in which the dialog shows them."""

ROLE_OPTIONS = tuple(
    Option(role.name, OptionKind.NAME, role.title, f"Name of the field that holds: {role.title.lower()}.")
    for role in ROLES
)
TTL_OPTION = Option("ttl", OptionKind.DURATION, "TTL", "Lifetime of every entry from its creation; none for forever.")
UNIT_OPTION = Option("unit", OptionKind.CHOICE, "Unit of times", "How numbers mean moments.", "auto", UNITS)
ZONE_OPTION = Option("zone", OptionKind.CHOICE, "Time zone", "What a time without an offset means.", "local", ZONES)
MAPPING_OPTIONS = (*ROLE_OPTIONS, TTL_OPTION, UNIT_OPTION, ZONE_OPTION)
"""All options of a format whose fields are mapped."""


def plain_name(name: str) -> str:
    """A field name for comparison: `createdAt`, `Created-At` and `created_at` are the same."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def guess_roles(samples: Sequence[Mapping[str, object]], now: float) -> dict[str, str]:
    """Role name to field name, from the names and a few sample objects or rows (`now` bounds plausible times).

    A time role is given only to a field whose values are plausible moments, so `exp` of a JSON number
    column is not taken for an expiry by its name alone.
    """
    fields = list(dict.fromkeys(name for sample in samples for name in sample))
    by_plain = {plain_name(name): name for name in reversed(fields)}
    guessed: dict[str, str] = {}
    for role in ROLES:
        for name in role.names:
            field = by_plain.get(name)
            if field is None or field in guessed.values():
                continue
            values = [sample[field] for sample in samples if sample.get(field) is not None]
            if role.is_time and not looks_like_times(values, now):
                continue
            if role.name in ("ttl_field", "hits", "size") and not all(isinstance(v, int | float) for v in values):
                continue
            guessed[role.name] = field
            break
    return guessed


@dataclass(frozen=True, slots=True)
class FieldMap:
    """The chosen fields and how times are read; made from the read options of a format."""

    fields: Mapping[str, str]
    ttl: float | None
    unit: str
    zone: str

    @classmethod
    def of(cls, options: Mapping[str, OptionValue]) -> "FieldMap":
        """Take the mapping out of read options."""
        ttl = options.get("ttl")
        return cls(
            {role.name: str(options[role.name]) for role in ROLES if options.get(role.name)},
            float(ttl) if isinstance(ttl, int | float) else None,
            str(options.get("unit") or "auto"),
            str(options.get("zone") or "local"),
        )

    def moment(self, role: str, entry: Mapping[str, object]) -> float:
        """Epoch seconds of a time field, NaN where it is absent or unreadable."""
        field = self.fields.get(role)
        return parse_time(entry.get(field), self.unit, self.zone) if field else float("nan")

    def number(self, role: str, entry: Mapping[str, object]) -> float:
        """A number field, NaN where it is absent or no number."""
        return number_of(entry.get(self.fields.get(role, "")))

    def expiry(self, entry: Mapping[str, object], created: float, without_created: float) -> float:
        """The first stale moment: expiry field, else created plus the entry's or the cache's TTL.

        `without_created` stands where there is a TTL but no creation time (S2's legacy entries: +inf).
        Without any TTL the entry lives forever only if the cache says so by `ttl=none`; else unknown.
        """
        if "expires" in self.fields:
            value = entry.get(self.fields["expires"])
            return float("inf") if value is None else self.moment("expires", entry)
        own = self.number("ttl_field", entry)
        ttl = own if own == own else self.ttl
        if ttl is None:
            return float("nan")
        return created + ttl if created == created else without_created
