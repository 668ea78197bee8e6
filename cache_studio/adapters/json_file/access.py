"""The runtime's side of json-file: whole file in memory, atomic rewrites, several processes at once."""

import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from cache_studio.adapters.file_access import empty_key, unwritable
from cache_studio.adapters.json_file.document import Document
from cache_studio.adapters.json_file.layout import LENGTH, TAGS, WRITTEN_AT, entry_text, shown_time
from cache_studio.adapters.json_text import metadata_text, value_text
from cache_studio.adapters.key_access import Held, KeyAccess, Known, Place
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target
from cache_studio.model.times import format_iso

FLUSH_INTERVAL = 30.0
"""Seconds for which access times may be in memory only; the next call of any kind writes older ones."""
_SAME = 1e-3
"""Seconds by which an expiry may differ from the one that the cache's TTL gives."""
_SHORT = 1e-6
"""Seconds before its end at which an entry without any life is stale: an entry lasts until after its TTL."""
Entry = dict[str, Any]
_log = logging.getLogger(__name__)


class JsonFileAccess(KeyAccess):
    """Entries of the whole file in memory; read again when another process wrote, so what was removed is a miss.

    A write merges into the newest version of the file under a lock beside it, so that two processes lose no
    entry. Foreign entries and their unknown fields are kept. A broken file is an empty cache with a warning.
    """

    keeps_last_moment = True

    def __init__(self, path: str, options: Mapping[str, OptionValue]) -> None:
        self._fields = FieldMap.of(options)
        self._tags = self._fields.fields.get("tags", TAGS)
        self._known_names = {*self._fields.fields.values(), WRITTEN_AT, LENGTH, self._tags}
        self._lock = threading.RLock()
        self._document = Document(path)
        self._read: dict[str, Held] = {}
        self._accessed: dict[str, float] = {}
        self._flushed = time.monotonic()
        if not os.path.exists(path):
            self._document.change(lambda _anew: not os.path.exists(path))

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "JsonFileAccess":
        """Open the file; where there is none, it is made, with its folder, as an object without entries."""
        if options.get("at"):
            raise BadRequest("A runtime cache keeps its entries at the top of the file.", "Leave the option “at” out.")
        try:
            path = os.path.realpath(target.location)
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise unwritable(target.location, error) from error
        except ValueError:
            raise CacheUnavailable("The path holds a NUL character.", "Check the path.") from None
        return cls(path, options)

    def get(self, key: str, namespace: str = "") -> Held | None:
        """What is stored, stale or not."""
        name = _name(key, namespace)
        with self._lock:
            self._look()
            return self._held(name)

    def holds(self, key: str, namespace: str = "") -> bool:
        """Whether something is stored and can be read."""
        return self.get(key, namespace) is not None

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store it and write the file."""
        name, text = _name(key, namespace), entry_text(self._entry(held))

        def store() -> bool:
            self._forget(name)  # a new entry stands last, as in the original application
            self._document.entries[name] = text
            return True

        with self._lock:
            self._change(store)

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove it and write the file at once."""
        return bool(self.delete_many([(namespace, key)]))

    def delete_many(self, places: Collection[Place]) -> list[Place]:
        """Remove them with one write; those that were there."""
        wanted = {place: _name(place[1], place[0]) for place in places}
        gone: list[Place] = []

        def remove() -> bool:
            gone[:] = [place for place, name in wanted.items() if self._forget(name)]
            return bool(gone)

        with self._lock:
            self._look()
            if any(name in self._document.entries for name in wanted.values()):
                self._change(remove)
        return gone

    def discard(self, key: str, seen: Held, namespace: str = "") -> bool:
        """Remove it if the newest version of the file still holds what was seen."""
        name = _name(key, namespace)
        removed = False

        def remove() -> bool:
            nonlocal removed
            held = self._held(name)
            same = held is not None and (held.created, held.expires, held.value) == (
                seen.created,
                seen.expires,
                seen.value,
            )
            removed = same and self._forget(name)
            return removed

        with self._lock:
            self._look()
            if name in self._document.entries:
                self._change(remove)
        return removed

    def discard_stale(self, now: float) -> list[Known]:
        """Remove what is stale in the newest version of the file, with one write; what went."""
        gone: list[Known] = []

        def remove() -> bool:
            gone[:] = [known for known in self._all() if known.expires is not None and known.expires <= now]
            return bool([known for known in gone if self._forget(known.key)])

        with self._lock:
            self._change(remove)
        return gone

    def listed_as(self, key: str, namespace: str = "") -> Place:
        """The layout has no namespaces: they become part of the key."""
        return "", _joined(key, namespace)

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Note the access in memory; it is written by the first call after FLUSH_INTERVAL, or by `flush`."""
        if "accessed" not in self._fields.fields:
            return
        name = _name(key, namespace)
        with self._lock:
            self._accessed[name] = accessed
            held = self._read.get(name)
            if held is not None:
                self._read[name] = held._replace(accessed=accessed)
            self._flush_when_due()

    def known(self) -> Iterator[Known]:
        """All entries as they are now."""
        with self._lock:
            self._look()
            entries = list(self._all())
        yield from entries

    def flush(self) -> None:
        """Write the access times that are only in memory."""
        with self._lock:
            if self._accessed:
                self._change(lambda: False)

    def close(self) -> None:
        """Flush. Safe to call twice."""
        self.flush()

    # The file ---------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._flush_when_due()
        if self._document.refresh():
            self._read.clear()

    def _flush_when_due(self) -> None:
        if self._accessed and time.monotonic() - self._flushed >= FLUSH_INTERVAL:
            self._flushed = time.monotonic()
            try:
                self.flush()
            except CacheUnavailable as error:  # a lookup needs no disk that can be written
                _log.warning("Access times wait: %s", error.message)

    def _change(self, edit: Callable[[], bool]) -> None:
        """One change and the waiting access times, merged into the newest version."""

        def merged(anew: bool) -> bool:
            if anew:
                self._read.clear()
            changed = edit()
            return self._write_accesses() or changed

        try:
            self._document.change(merged)
        except BaseException:
            self._read.clear()
            raise
        self._accessed.clear()
        self._flushed = time.monotonic()

    def _write_accesses(self) -> bool:
        field, changed = self._fields.fields.get("accessed", ""), False
        for name, moment in self._accessed.items():
            entry = self._parsed(name)
            if entry is not None and not self._fields.moment("accessed", entry) >= moment:
                entry[field] = self._written(moment)
                self._document.entries[name] = entry_text(entry)
                changed = True
        return changed

    def _forget(self, name: str) -> bool:
        """Take an entry out of memory; whether it was there."""
        self._read.pop(name, None)
        self._accessed.pop(name, None)
        return self._document.entries.pop(name, None) is not None

    # Entries ----------------------------------------------------------------------------------------------------

    def _parsed(self, name: str) -> Entry | None:
        text = self._document.entries.get(name)
        try:
            entry = None if text is None else json.loads(text)
        except (ValueError, RecursionError):
            return None
        return entry if isinstance(entry, dict) else None

    def _all(self) -> Iterator[Known]:
        has_hits = "hits" in self._fields.fields
        for name in self._document.entries:
            held = self._held(name)
            if held is not None:
                hits = held.hits if has_hits else None
                yield Known(name, "", len(held.value), held.created, held.expires, held.accessed, hits, held.tags)

    def _held(self, name: str) -> Held | None:
        """An entry; read from its text once."""
        held = self._read.get(name)
        if held is None:
            entry = self._parsed(name)
            field = self._fields.fields.get("value", "")
            if entry is None or field not in entry:
                return None
            held = self._read[name] = self._made(name, entry, entry[field])
        return held

    def _made(self, name: str, entry: Entry, value: object) -> Held:
        fields = self._fields
        created = fields.moment("created", entry)
        expires = fields.expiry(entry, created, math.inf)
        if "expires" not in fields.fields and expires > created:
            expires = math.nextafter(expires, math.inf)  # stale only after its TTL
        accessed = self._accessed.get(name, fields.moment("accessed", entry))
        hits, tags = fields.number("hits", entry), entry.get(self._tags)
        return Held(
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"),
            0.0 if math.isnan(created) else created,
            expires if math.isfinite(expires) else None,
            None if math.isnan(accessed) else accessed,
            0 if math.isnan(hits) else int(hits),
            tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
            {field: kept for field, kept in entry.items() if field not in self._known_names},
        )

    def _entry(self, held: Held) -> Entry:
        fields = self._fields.fields
        value = json.loads(value_text(held.value))
        try:
            entry: Entry = {fields["value"]: value, WRITTEN_AT: shown_time(held.created)}
        except (ValueError, OverflowError, OSError) as error:
            raise BadRequest("The time of creation is no moment.") from error
        entry |= {role: written for role, written in self._times(held).items() if role}
        entry[LENGTH] = len(value) if isinstance(value, str) else len(held.value)
        if "hits" in fields:
            entry[fields["hits"]] = held.hits
        if "tags" in fields or held.tags:
            entry[self._tags] = list(held.tags)
        taken = sorted(self._known_names & held.metadata.keys())
        if taken:
            raise BadRequest(f"The metadata uses names of the layout: {', '.join(taken)}.", "Call them otherwise.")
        return {**json.loads(metadata_text(held.metadata)), **entry}

    def _times(self, held: Held) -> dict[str, object]:
        """The time fields. Without a field for the expiry, `created` carries it: the entry ends a TTL after it.

        What never expires is written as the layout's legacy entries are: without a creation time.
        """
        fields, ttl, created = self._fields.fields, self._fields.ttl, held.created
        found: dict[str, object] = {}
        if "expires" in fields:
            found[fields["expires"]] = None if held.expires is None else self._written(held.expires)
        elif held.expires is not None and ttl is not None and math.isfinite(ttl):
            if abs(created + ttl - held.expires) > _SAME:
                created = held.expires - ttl - (0 if held.expires > created else _SHORT)
        elif held.expires is None and ttl is not None and math.isfinite(ttl):
            created = math.nan
        if "created" in fields and not math.isnan(created):
            found[fields["created"]] = self._written(created)
        if "accessed" in fields:
            found[fields["accessed"]] = self._written(held.created if held.accessed is None else held.accessed)
        return found

    def _written(self, moment: float) -> object:
        if self._fields.unit == "milliseconds":
            return moment * 1000
        return format_iso(moment) if self._fields.unit == "iso" else moment


def _name(key: str, namespace: str) -> str:
    """What a key of a namespace is called in the file."""
    if not key:
        raise empty_key()
    return _joined(key, namespace)


def _joined(key: str, namespace: str) -> str:
    return f"{namespace}:{key}" if namespace else key
