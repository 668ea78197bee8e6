"""The layout: `<folder>/<key>.json`, one object a file, its fields played by a `FieldMap`."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cache_studio.adapters.file_names import escape
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.times import parse_time

SUFFIX = ".json"
DEFAULT_TTL = "24h"
"""What the original application gives every entry."""
SIGNATURE: Mapping[str, str] = {"key": "cache_key", "created": "timestamp", "value": "result"}
"""The fields of the original application's files."""
METADATA = "metadata"
_EXTRA: Mapping[str, str] = {"expires": "expires_at", "tags": "tags"}
"""Fields that the runtime adds to an entry that has these; the original application does not look at them."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,190}").fullmatch
"""A key that `escape` leaves as it is, told in a tenth of the time."""


def file_name(key: str) -> str:
    """What the file of a key is called: the key itself where that is a safe name."""
    return (key if _PLAIN(key) else escape(key)) + SUFFIX


def key_of_name(name: str) -> str:
    """The key of a file whose content does not say it."""
    return name.removesuffix(SUFFIX)


def entry_key(name: str, entry: Mapping[str, object], fields: FieldMap) -> str:
    """The key that the content names, else the file's name."""
    found = entry.get(fields.fields.get("key", ""))
    if isinstance(found, str) and found:
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else key_of_name(name)


def entry_keys(names: Sequence[str], entries: Sequence[Mapping[str, object]], fields: FieldMap) -> list[str]:
    """`entry_key` of many; asked where the content names no text, which is seldom."""
    field = fields.fields.get("key", "")
    found = [entry.get(field) for entry in entries]
    return [
        key if key and isinstance(key, str) else entry_key(name, entry, fields)
        for key, name, entry in zip(found, names, entries, strict=True)
    ]


def entry_text(entry: Mapping[str, object], fields: FieldMap, role: str) -> str:
    """A field as text, "" where it is none."""
    found = entry.get(fields.fields.get(role, ""))
    return found if isinstance(found, str) else ""


def entry_tags(entry: Mapping[str, object], fields: FieldMap) -> tuple[str, ...]:
    """The tags of an entry, written as a list or as one text."""
    found = entry.get(tags_field(fields))
    if isinstance(found, str):
        return (found,)
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()


def tags_field(fields: FieldMap) -> str:
    """The field with the tags: the one that is named for that, else the runtime's own."""
    return fields.fields.get("tags") or _EXTRA["tags"]


def extra_field(role: str, fields: FieldMap) -> str:
    """The runtime's own field for the expiry or the tags, "" where the options name one for that."""
    mapped = (role, "ttl_field") if role == "expires" else (role,)
    name = _EXTRA[role]
    return "" if any(one in fields.fields for one in mapped) or name in fields.fields.values() else name


def named_fields(fields: FieldMap) -> frozenset[str]:
    """The fields that every entry may be expected to have, the value left out."""
    return frozenset(name for role, name in fields.fields.items() if role != "value")


def wanted_fields(fields: FieldMap) -> frozenset[str]:
    """The fields that a listing needs: these, and those that the runtime may have added."""
    return named_fields(fields) | {name for role in _EXTRA if (name := extra_field(role, fields))}


def own_expiry(entry: Mapping[str, object], name: str) -> float:
    """What the runtime's own field says, which is there: +inf for never, NaN where it is unreadable."""
    return math.inf if entry[name] is None else parse_time(entry[name])


def written_time(moment: float, fields: FieldMap) -> object:
    """A moment as this cache writes it: ISO text (naive local unless the zone says UTC), seconds or milliseconds."""
    if fields.unit == "seconds":
        return moment
    if fields.unit == "milliseconds":
        return round(moment * 1000)
    if not math.isfinite(moment):
        return None
    if fields.zone == "utc":
        return datetime.fromtimestamp(moment, UTC).isoformat()
    return datetime.fromtimestamp(moment).isoformat()
