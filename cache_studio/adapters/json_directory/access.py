"""The runtime's side of json-directory."""

import math
from collections.abc import Iterator, Mapping

from cache_studio.adapters.file_access import FileAccess, Parts, empty_key
from cache_studio.adapters.files import Folder
from cache_studio.adapters.json_directory.encoding import Encoding
from cache_studio.adapters.json_directory.layout import (
    DEFAULT_TTL,
    SIGNATURE,
    SUFFIX,
    entry_key,
    entry_tags,
    extra_field,
    file_name,
    own_expiry,
    wanted_fields,
)
from cache_studio.adapters.json_fields import JsonFields
from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target
from cache_studio.model.units import parse_duration


class JsonDirectoryAccess(FileAccess):
    """One JSON file a key, readable by the original application.

    The TTL belongs to the cache (option `ttl`, 24 h where nothing is said). What an entry has beyond the
    layout (an expiry of its own, tags, metadata) stands in fields of its own, only where it is given.
    """

    def __init__(self, root: Folder, fields: FieldMap) -> None:
        super().__init__(root)
        self._fields = fields
        self._encoding = Encoding(fields)
        self._reader = JsonFields(wanted_fields(fields))

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "JsonDirectoryAccess":
        """Open or create the folder."""
        given = FieldMap.of(options)
        ttl = parse_duration(DEFAULT_TTL) if given.ttl is None else given.ttl
        fields = FieldMap({**SIGNATURE, **given.fields}, ttl, given.unit, given.zone)
        return cls(cls.create_root(target.location), fields)

    def parts(self, key: str, namespace: str) -> Parts:
        """The file of the key."""
        if namespace:
            raise BadRequest("This layout has no namespaces.", "Make the namespace a part of the key.")
        if not key:
            raise empty_key()
        return (file_name(key),)

    def encode(self, key: str, namespace: str, held: Held) -> bytes:
        """The file's text."""
        return self._encoding.encode(key, held)

    def decode(self, content: bytes, key: str) -> Held | None:
        """The entry."""
        return self._encoding.decode(content, key)

    def files(self) -> Iterator[Parts]:
        """Every `*.json`."""
        return ((entry.name,) for entry in self._root.walk() if entry.name.endswith(SUFFIX))

    def known_in(self, parts: Parts, content: bytes) -> Known | None:
        """Key, size, times and tags."""
        fields = self._fields
        try:
            entry = self._reader.whole(content)
        except ValueError:
            return None
        created, accessed = fields.moment("created", entry), fields.moment("accessed", entry)
        own = extra_field("expires", fields)
        expires = own_expiry(entry, own) if own in entry else fields.expiry(entry, created, math.nan)
        hits = fields.number("hits", entry)
        return Known(
            key=entry_key(parts[-1], entry, fields),
            namespace="",
            size=len(content),
            created=created if math.isfinite(created) else 0.0,
            expires=expires if math.isfinite(expires) else None,
            accessed=accessed if math.isfinite(accessed) else None,
            hits=int(hits) if math.isfinite(hits) else None,
            tags=entry_tags(entry, fields),
        )
