"""The layout: `<folder>/<key>.json`, one object a file, its fields played by a `FieldMap`."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from cache_studio.adapters.file_names import escape
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.mapping import FieldMap

SUFFIX = ".json"
DEFAULT_TTL = "24h"
"""What the original application gives every entry."""
SIGNATURE: Mapping[str, str] = {"key": "cache_key", "created": "timestamp", "value": "result"}
"""The fields of the original application's files."""


def file_name(key: str) -> str:
    """What the file of a key is called: the key itself where that is a safe name."""
    return escape(key) + SUFFIX


def key_of_name(name: str) -> str:
    """The key of a file whose content does not say it."""
    return name.removesuffix(SUFFIX)


def entry_key(name: str, entry: Mapping[str, object], fields: FieldMap) -> str:
    """The key that the content names, else the file's name."""
    found = entry.get(fields.fields.get("key", ""))
    if isinstance(found, str) and found:
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else key_of_name(name)


def entry_text(entry: Mapping[str, object], fields: FieldMap, role: str) -> str:
    """A field as text, "" where it is none."""
    found = entry.get(fields.fields.get(role, ""))
    return found if isinstance(found, str) else ""


def entry_tags(entry: Mapping[str, object], fields: FieldMap) -> tuple[str, ...]:
    """The tags of an entry, written as a list or as one text."""
    found = entry.get(fields.fields.get("tags", ""))
    if isinstance(found, str):
        return (found,)
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()


def wanted_fields(fields: FieldMap) -> frozenset[str]:
    """The fields that a listing needs: all but the value."""
    return frozenset(name for role, name in fields.fields.items() if role != "value")


def encode(key: str, held: Held, fields: FieldMap) -> bytes:
    """The file of an entry; its value is JSON text and stays as it is."""
    names = fields.fields
    entry: dict[str, object] = {
        names.get("key", SIGNATURE["key"]): key,
        names.get("created", SIGNATURE["created"]): written_time(held.created, fields),
    }
    optional: dict[str, object] = {
        "accessed": None if held.accessed is None else written_time(held.accessed, fields),
        "expires": None if held.expires is None else written_time(held.expires, fields),
        "ttl_field": None if held.expires is None else held.expires - held.created,
        "hits": held.hits,
        "tags": list(held.tags),
        "namespace": None,
        "size": len(held.value),
    }
    entry |= {names[role]: value for role, value in optional.items() if role in names}
    head = json.dumps(entry, ensure_ascii=True)
    name = json.dumps(names.get("value", SIGNATURE["value"]))
    return f"{head[:-1]}, {name}: ".encode() + held.value + b"}"


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


def decode(content: bytes, fields: FieldMap) -> tuple[str, Held] | None:
    """Key ("" when the content does not say it) and entry of a file, None when it is broken."""
    spans: Mapping[str, bytes]
    try:
        spans = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        entry = {name: json.loads(bytes(spans[name])) for name in wanted_fields(fields) if name in spans}
    except (ValueError, RecursionError):
        return None
    created = fields.moment("created", entry)
    expires = fields.expiry(entry, created, math.inf)
    accessed, hits = fields.moment("accessed", entry), fields.number("hits", entry)
    held = Held(
        value=bytes(spans.get(fields.fields.get("value", SIGNATURE["value"]), content)),
        created=created if math.isfinite(created) else 0.0,
        expires=expires if math.isfinite(expires) else None,
        accessed=accessed if math.isfinite(accessed) else None,
        hits=int(hits) if math.isfinite(hits) else 0,
        tags=entry_tags(entry, fields),
    )
    return entry_key("", entry, fields), held
