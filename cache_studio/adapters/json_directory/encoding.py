"""An entry as the text of its file and back, for the runtime: the value stays as it is, to the byte."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypedDict

import msgspec

from cache_studio.adapters.json_directory.layout import (
    METADATA,
    SIGNATURE,
    entry_key,
    entry_tags,
    extra_field,
    own_expiry,
    wanted_fields,
    written_time,
)
from cache_studio.adapters.json_text import metadata_text, value_text
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.errors import BadRequest

_PLAIN_FIELDS = 3
"""How many fields an entry of the original layout has: key, time and value."""
_SAME = 1e-3
"""Seconds by which an expiry may differ from the cache's own TTL without being written."""


class Encoding:
    """The files of a cache whose fields are these."""

    def __init__(self, fields: FieldMap) -> None:
        names = fields.fields
        self._fields = fields
        self._key = names.get("key", SIGNATURE["key"])
        self._created = names.get("created", SIGNATURE["created"])
        self._value = names.get("value", SIGNATURE["value"])
        self._value_head = f", {json.dumps(self._value)}: ".encode()
        self._mapped = {role: name for role, name in names.items() if role not in ("key", "created", "value")}
        self._expires = extra_field("expires", fields)
        self._tags = extra_field("tags", fields)
        self._ttl = math.inf if fields.ttl is None else fields.ttl
        self._is_plain = not self._mapped and fields.zone == "local" and fields.unit == "auto" and self._ttl < math.inf
        wanted = wanted_fields(fields) | {METADATA}
        # msgspec checks a text and builds of it what is named here; it does not find names that are not ASCII.
        found: Any = {**dict.fromkeys(wanted, Any), self._value: msgspec.Raw}
        entry: Any = TypedDict("Entry", found, total=False)  # type: ignore[misc]  # the names are not known before
        read: Any = msgspec.json.Decoder(entry).decode
        self._read: Callable[[bytes], dict[str, Any]] = read
        if not all(name.isascii() for name in found):
            self._read = self._tolerant

    def encode(self, key: str, held: Held) -> bytes:
        """The file of an entry. BadRequest for a value or metadata that is no JSON."""
        value = value_text(held.value)
        entry: dict[str, object] = {self._key: key}
        # Before the time of creation: the studio reads the head of a long file up to that.
        if self._expires and self._has_own_expiry(held):
            entry[self._expires] = held.expires
        if self._tags and held.tags:
            entry[self._tags] = list(held.tags)
        if held.metadata:
            entry[METADATA] = json.loads(metadata_text(held.metadata))
        try:
            entry[self._created] = written_time(held.created, self._fields)
            if self._mapped:
                entry |= self._optional(held)
        except (ValueError, OverflowError, OSError) as error:
            raise BadRequest("A time of the entry is no moment of the years 1 to 9999.") from error
        return json.dumps(entry).encode()[:-1] + self._value_head + value + b"}"

    def decode(self, content: bytes, key: str) -> Held | None:
        """The entry of a file, None when it is another key's; ValueError when it is broken."""
        try:
            entry = self._read(content)
            if not content.isascii():
                content.decode()  # msgspec does not look into the strings of a value
        except (msgspec.DecodeError, RecursionError):
            entry = self._tolerant(content)
        if entry.get(self._key) != key and entry_key("", entry, self._fields) not in (key, ""):
            return None
        if len(entry) == _PLAIN_FIELDS and self._is_plain:
            try:  # `FieldMap.moment` and `expiry` of the layout as it is, in a fifth of the time
                text = entry[self._created]
                if text[4] == "-":
                    created = datetime.fromisoformat(text).timestamp()
                    return Held(bytes(entry[self._value]), created, created + self._ttl)
            except (LookupError, TypeError, ValueError, OverflowError, OSError):
                pass
        return self._whole(entry, content)

    def _whole(self, entry: Mapping[str, Any], content: bytes) -> Held:
        """An entry that has more or fewer than the layout's own fields, or has them otherwise."""
        fields, created = self._fields, self._fields.moment("created", entry)
        own = self._expires in entry
        expires = own_expiry(entry, self._expires) if own else fields.expiry(entry, created, math.inf)
        accessed, hits = fields.moment("accessed", entry), fields.number("hits", entry)
        metadata = entry.get(METADATA)
        return Held(
            bytes(entry.get(self._value, content)),
            created if math.isfinite(created) else 0.0,
            expires if math.isfinite(expires) else None,
            accessed if math.isfinite(accessed) else None,
            int(hits) if math.isfinite(hits) else 0,
            entry_tags(entry, fields),
            metadata if isinstance(metadata, dict) else {},
        )

    def _optional(self, held: Held) -> dict[str, object]:
        """The fields that the options name beyond those of the layout."""
        fields, expires = self._fields, held.expires
        written: dict[str, object] = {
            "accessed": None if held.accessed is None else written_time(held.accessed, fields),
            "expires": None if expires is None else written_time(expires, fields),
            "ttl_field": None if expires is None else expires - held.created,
            "hits": held.hits,
            "tags": list(held.tags),
            "namespace": None,
            "size": len(held.value),
        }
        return {name: written[role] for role, name in self._mapped.items() if role in written}

    def _has_own_expiry(self, held: Held) -> bool:
        ttl = self._fields.ttl
        if held.expires is None or ttl is None or not math.isfinite(ttl):
            return not (held.expires is None and ttl == math.inf)
        return abs(held.created + ttl - held.expires) > _SAME

    def _tolerant(self, content: bytes) -> dict[str, Any]:
        """What Python's own reader takes: NaN, half surrogate pairs, names that are not ASCII."""
        try:
            found = json.loads(content)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        if self._value in found:
            found[self._value] = json.dumps(found[self._value], ensure_ascii=False).encode("utf-8", "surrogatepass")
        return found
