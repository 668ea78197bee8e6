"""The runtime's side of json-file: whole file in memory, atomic rewrites, several processes at once."""

import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cache_studio.adapters.files import unavailable, write_all
from cache_studio.adapters.json_file.layout import LENGTH, TEMPORARY_SUFFIX, WRITTEN_AT, encode, shown_time
from cache_studio.adapters.json_lock import locked
from cache_studio.adapters.key_access import Held, KeyAccess, Known
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target
from cache_studio.model.times import format_iso

FLUSH_INTERVAL = 30.0
"""Seconds for which access times may be in memory only."""
Entry = dict[str, Any]
_log = logging.getLogger(__name__)


class JsonFileAccess(KeyAccess):
    """Entries of the whole file in memory; read again when another process wrote, so what was removed is a miss.

    A write merges into the newest version of the file under a lock beside it, so that two processes lose no
    entry. Foreign entries and their unknown fields are kept. A broken file is an empty cache with a warning.
    """

    def __init__(self, path: str, options: Mapping[str, OptionValue]) -> None:
        self._path = path
        self._fields = FieldMap.of(options)
        self._lock = threading.RLock()
        self._entries: dict[str, Any] = {}
        self._version: tuple[int, int, int] | None = None
        self._accessed: dict[str, float] = {}
        self._flushed = time.monotonic()
        if not os.path.exists(path):
            self._change(lambda entries: None)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "JsonFileAccess":
        """Open the file; where there is none, it is made, with its folder, as an object without entries."""
        if options.get("at"):
            raise BadRequest("A runtime cache keeps its entries at the top of the file.", "Leave the option “at” out.")
        path = os.path.realpath(target.location)
        with _errors(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        return cls(path, options)

    def get(self, key: str, namespace: str = "") -> Held | None:
        """What is stored, stale or not."""
        name = _name(key, namespace)
        with self._lock:
            self._refresh()
            entry = self._entries.get(name)
            return self._held(name, entry) if isinstance(entry, dict) else None

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store it and write the file."""
        name, entry = _name(key, namespace), self._entry(held)

        def store(entries: dict[str, Any]) -> None:
            entries.pop(name, None)  # a new entry stands last, as in the original application
            entries[name] = entry

        with self._lock:
            self._accessed.pop(name, None)
            self._change(store)

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove it and write the file at once."""
        name = _name(key, namespace)
        with self._lock:
            self._refresh()
            if name not in self._entries:
                return False
            self._accessed.pop(name, None)
            self._change(lambda entries: entries.pop(name, None))
            return True

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Note the access in memory; it is written within FLUSH_INTERVAL, or by `flush`."""
        if "accessed" not in self._fields.fields:
            return
        with self._lock:
            self._accessed[_name(key, namespace)] = accessed
            if time.monotonic() - self._flushed >= FLUSH_INTERVAL:
                self.flush()

    def known(self) -> Iterator[Known]:
        """All entries as they are now."""
        with self._lock:
            self._refresh()
            entries = list(self._entries.items())
        for name, entry in entries:
            held = self._held(name, entry) if isinstance(entry, dict) else None
            if held is not None:
                hits = None if "hits" not in self._fields.fields else held.hits
                yield Known(name, "", len(held.value), held.created, held.expires, held.accessed, hits)

    def flush(self) -> None:
        """Write the access times that are only in memory."""
        with self._lock:
            self._flushed = time.monotonic()
            if self._accessed:
                self._change(lambda entries: None)

    def close(self) -> None:
        """Flush. Safe to call twice."""
        self.flush()

    # Entries ----------------------------------------------------------------------------------------------------

    def _held(self, name: str, entry: Entry) -> Held | None:
        value = entry.get(self._fields.fields.get("value", ""))
        if value is None:
            return None
        created = self._fields.moment("created", entry)
        expires = self._fields.expiry(entry, created, math.inf)
        accessed = self._accessed.get(name, self._fields.moment("accessed", entry))
        hits = self._fields.number("hits", entry)
        tags = entry.get(self._fields.fields.get("tags", ""))
        mapped = set(self._fields.fields.values()) | {WRITTEN_AT, LENGTH}
        return Held(
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"),
            0.0 if math.isnan(created) else created,
            None if math.isinf(expires) or math.isnan(expires) else expires,
            None if math.isnan(accessed) else accessed,
            0 if math.isnan(hits) else int(hits),
            tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
            {field: kept for field, kept in entry.items() if field not in mapped},
        )

    def _entry(self, held: Held) -> Entry:
        fields = self._fields.fields
        value = json.loads(held.value)
        entry: Entry = {fields["value"]: value, WRITTEN_AT: shown_time(held.created)}
        entry |= {role: written for role, written in self._times(held).items() if role}
        entry[LENGTH] = len(value) if isinstance(value, str) else len(held.value)
        if "hits" in fields:
            entry[fields["hits"]] = held.hits
        if "tags" in fields:
            entry[fields["tags"]] = list(held.tags)
        return {**held.metadata, **entry}

    def _times(self, held: Held) -> dict[str, object]:
        """The time fields. Without a field for the expiry, `created` carries it: the entry ends a TTL after it.

        What never expires is written as the layout's legacy entries are: without a creation time.
        """
        fields, ttl, created = self._fields.fields, self._fields.ttl, held.created
        found: dict[str, object] = {}
        if "expires" in fields:
            found[fields["expires"]] = None if held.expires is None else self._written(held.expires)
        elif held.expires is not None and ttl is not None and math.isfinite(ttl):
            if abs(created + ttl - held.expires) > 1e-3:
                created = held.expires - ttl
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

    # The file ---------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Read the file if it is not the version in memory."""
        with _errors(self._path):
            try:
                status = os.stat(self._path)
            except FileNotFoundError:
                self._entries, self._version = {}, None
                return
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
            if version != self._version:
                with open(self._path, "rb") as file:
                    self._entries, self._version = _parsed(file.read(), self._path), version

    def _change(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Merge one change and the waiting access times into the newest version, and put that in its place."""
        with _errors(self._path), locked(self._path):
            self._refresh()
            edit(self._entries)
            field = self._fields.fields.get("accessed", "")
            for name, moment in self._accessed.items():
                entry = self._entries.get(name)
                if isinstance(entry, dict) and not self._fields.moment("accessed", entry) >= moment:
                    entry[field] = self._written(moment)
            self._accessed.clear()
            self._flushed = time.monotonic()
            self._write()

    def _write(self) -> None:
        temporary = self._path + TEMPORARY_SUFFIX
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(temporary, flags, 0o666)
        try:
            write_all(descriptor, encode(self._entries))
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, self._path)
        self._version = (status.st_ino, status.st_mtime_ns, status.st_size)


def _name(key: str, namespace: str) -> str:
    """The layout has no namespaces: they become part of the key."""
    return f"{namespace}:{key}" if namespace else key


def _parsed(content: bytes, path: str) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        _log.warning("%s is broken and counts as empty; the next write replaces it", path)
        return {}
    return found


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unavailable(path, error) from error
