"""What every format kept in Redis shares: open, list, look up, remove, restore, counters. A format adds its layout."""

import re
import secrets
import time
from abc import abstractmethod
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from typing import ClassVar, Self, cast

from cache_studio import precedence
from cache_studio.adapters.base import (
    Adapter,
    Announcements,
    Announces,
    EntryCopy,
    Keep,
    Kept,
    SetsExpiry,
    require_found,
)
from cache_studio.adapters.defaults import take
from cache_studio.adapters.redis_cluster_entries import listing_of, remover_of
from cache_studio.adapters.redis_columns import FORBIDDEN
from cache_studio.adapters.redis_key_copies import COPY_BYTES, KeyCopy, Names, pack_copies, unpack_copies
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described, ReachesKeys
from cache_studio.adapters.redis_live import Live
from cache_studio.adapters.redis_opening import open_link
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_recorder import read_recorder
from cache_studio.adapters.redis_rights import capabilities_of
from cache_studio.adapters.seen_names import SeenNames
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, ScanEnd
from cache_studio.model.errors import CacheUnavailable, UnsupportedAction
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.seeing import (
    Counters,
    Fate,
    Part,
    Removal,
    Restoration,
    Return,
    Seen,
    Volume,
)
from cache_studio.model.targets import Target
from cache_studio.model.units import format_size
from cache_studio.recording.reader import Recorded

FULL = 0.9
"""The part of maxmemory from which on a server counts as full."""
_FIRST_ROWS = 500
_FIRST_SECONDS = 0.1
_RECORDER = re.compile(r"(?:^|:)recorder:")
_RECORDER_FIELD = "started_at"
"""A field of every recorder in Redis (`recording.counts`)."""


class RedisAdapter(ReachesKeys, Adapter, Announces):
    """A cache kept under one prefix of one database; an entry's id is the name of its (first) key."""

    batch_size = 200
    largest_copy = COPY_BYTES
    separator: ClassVar[str] = ":"
    batch_rows: ClassVar[int] = 5_000
    """Entries of one batch of a listing after the first."""
    alone: ClassVar[str] = ""
    """Why this format is not found on a cluster, or "" where it may be."""

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        self._link = link
        self._prefix = str(options.get("prefix") or "")
        self._listing = listing_of(link, with_access=options.get("accessed") != "off")
        self._remover = remover_of(link, self._listing)
        self._live = Live(link, self._prefix, self._is_looked_up)
        self.capabilities = capabilities_of(link.rights, writable=writable, announces=self._live.why_silent())
        if not isinstance(self, SetsExpiry):
            reason = "The description beside an entry repeats its expiry."
            self.capabilities = self.capabilities.without([Ability.SET_EXPIRY], reason)
        if not self._listing.with_access and self.capabilities.can(Ability.ACCESS_TIMES):
            reason = "Times of last use are switched off, or the server keeps frequencies in their place."
            self.capabilities = self.capabilities.without([Ability.ACCESS_TIMES], reason)
        if "jemalloc" not in link.info("memory").get("mem_allocator", ""):
            reason = "The memory allocator of this server cannot be asked to give memory back."
            self.capabilities = self.capabilities.without([Ability.COMPACT], reason)
        self.warnings = (*_warnings_of(link.info("memory")), *self._remover.notes)
        if self.capabilities.can(Ability.REMOVE) and not self.capabilities.can(Ability.UNDO):
            self.no_undo = self.capabilities.why_not(Ability.UNDO)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> Self:
        """Connect; CacheUnavailable with a hint when that fails."""
        probe = bytes_of(f"{options.get('prefix') or ''}cache-studio-probe-{secrets.token_hex(8)}")
        link = open_link(target, options, probe)
        try:
            if cls.alone and link.place.is_cluster:
                raise UnsupportedAction(cls.alone, "Attach its keys by the format redis.")
            with link.call():
                return cls(link, options, writable=writable)
        except BaseException:
            link.close()
            raise

    @abstractmethod
    def _batch(self, page: Described) -> Batch:
        """The entries among these keys as columns."""

    @abstractmethod
    def _names(self, entry_id: EntryId) -> Names:
        """The keys of one entry, its own first."""

    def _parts(self, names: Collection[str]) -> Iterable[str]:
        """Every key whose row may be another one because these changed."""
        return names

    @abstractmethod
    def _stamp(self, entry: Described) -> Stamp:
        """The stamp of an entry whose keys are these; its last number is the expiry."""

    @abstractmethod
    def _namespace(self, key: str) -> str:
        """The namespace a key lies in."""

    def _is_looked_up(self, name: str) -> bool:
        """Whether a lookup of this key that finds nothing is the miss of an entry."""
        return True

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """All entries under the prefix; the reason is told when the connection breaks on the way."""
        seen = SeenNames()
        waiting, limit, deadline = Described(), _FIRST_ROWS, time.monotonic() + _FIRST_SECONDS
        try:
            before = as_of = self._live.heard
            for page in self._listing.pages(self._prefix):
                precedence.let_pass()
                self._live.learn(page, before)  # the look at a page may begin when the one before it is asked for
                before, as_of = as_of, self._live.heard
                with self._link.call():
                    waiting.extend(self._entries(page, seen))
                if len(waiting.names) >= limit or (waiting.names and time.monotonic() > deadline):
                    with self._link.call():
                        batch = self._batch(waiting)
                        self._link.settle_ahead()  # whoever gets the batch may not come back for long
                    if len(batch):
                        yield batch
                    waiting, limit, deadline = Described(), self.batch_rows, time.monotonic() + _FIRST_SECONDS
            with self._link.call():
                batch = self._batch(waiting)
            if len(batch):
                yield batch
        except CacheUnavailable as error:
            return ScanEnd(False, error.message)
        finally:
            seen.clear()
        return ScanEnd(not self._listing.partial, self._listing.partial)

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """The entries with these keys, asked for directly."""
        with self._link.call():
            wanted = [key for key in dict.fromkeys(keys) if key.startswith(self._prefix)]
            batch = self._batch(self._entries(self._listing.describe(wanted), SeenNames()))
        if namespace is None:
            return batch
        return take(batch, [row for row, name in enumerate(batch.namespaces) if name == namespace])

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """The entries that these announced keys are part of, asked for directly."""
        ids = [name for name in dict.fromkeys(self._parts(names)) if name.startswith(self._prefix)]
        as_of = self._live.heard
        with self._link.call():
            found = self._listing.describe(ids)
            batch = self._batch(self._entries(found, SeenNames()))
        self._live.learn(found, as_of)
        there = set(batch.ids)
        return batch, [name for name in ids if name not in there]

    def announcements(self) -> Announcements | None:
        """What the server tells of changes: its keyspace notifications, or what a client that tracks is told."""
        if not self.capabilities.can(Ability.WATCH):
            return None
        with self._link.call():
            return self._live.stream()

    def announcer(self) -> str:
        """The server."""
        return str(self._link.place)

    def announcing(self) -> tuple[str, str]:
        """`notify-keyspace-events` as it is, and as it has to be."""
        with self._link.call():
            return self._live.announcing()

    def announce(self, before: str, after: str) -> bool:
        """CONFIG SET of `notify-keyspace-events`."""
        with self._link.call():
            return self._live.announce(before, after)

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Compare and remove; the copy holds every key of the entry."""
        self.capabilities.require(Ability.REMOVE)
        if keep is not None:
            self.capabilities.require(Ability.UNDO)
        with self._link.call():
            found = self._described([seen.id for seen in entries])
            fates: list[Fate | str | None] = [
                self._first_look(seen, now) for seen, now in zip(entries, found, strict=True)
            ]
            chosen = [at for at, fate in enumerate(fates) if fate is None]
            removed = (
                self._remover.remove_seen([found[at] for at in chosen])
                if keep is None
                else self._remover.copy_and_remove(
                    [(self._names(entries[at].id), found[at]) for at in chosen],
                    lambda at, keys: self._entry_copy(entries[chosen[at]].id, found[chosen[at]], keys),
                    keep,
                )
            )
        for at, fate in zip(chosen, removed, strict=True):
            fates[at] = fate
        return [
            _removal(seen.id, fate or Fate.FAILED, now) for seen, fate, now in zip(entries, fates, found, strict=True)
        ]

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring copies back with value, expiry and time of last use; a stale one is told and stays in the trash."""
        self.capabilities.require(Ability.UNDO)
        with self._link.call():
            return [self._restored(copy, kept) for copy in copies]

    def _restored(self, copy: EntryCopy, kept: Kept) -> Restoration:
        try:
            keys = unpack_copies(copy.data)
        except CacheUnavailable as error:  # of this copy alone: a connection that breaks ends the call
            return Restoration(Return.FAILED, error.message)
        return self._remover.restore(keys, kept.open)

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each is stored as it was copied."""
        with self._link.call():
            return self._remover.present([unpack_copies(copy.data) for copy in copies])

    def compactable(self) -> list[Part]:
        """Memory that the allocator of the server holds and does not use."""
        if not self.capabilities.can(Ability.COMPACT):
            return []
        with self._link.call():
            memory = self._link.info("memory")
        unused = int(memory.get("allocator_resident", 0)) - int(memory.get("allocator_active", 0))
        return [Part("memory the server holds unused", 1, unused)] if unused > 0 else []

    def compact(self) -> list[Part]:
        """MEMORY PURGE; the bytes by which the server's resident memory shrank."""
        self.capabilities.require(Ability.COMPACT)
        with self._link.call():
            before = int(self._link.info("memory").get("used_memory_rss", 0))
            self._link.everywhere("MEMORY", "PURGE")
            after = int(self._link.info("memory").get("used_memory_rss", 0))
        return [Part("memory the server held unused", 1, max(0, before - after))]

    def compact_note(self) -> str:
        """What MEMORY PURGE does."""
        return "Asks the server to give memory back that it holds unused, of all its databases; no key is touched."

    def measure(self) -> Volume:
        """The volume is the sum of the sizes listed; the capacity is the server's maxmemory."""
        with self._link.call():
            memory = self._link.info("memory")
            self._live.check()
        limit = int(memory.get("maxmemory", 0))
        self.warnings = (*_warnings_of(memory), *self._remover.notes)
        return Volume(None, capacity=limit or None)

    def counters(self) -> Counters:
        """The server's hits and misses without those of our own reads."""
        with self._link.call():
            return self._link.counters()

    def recorded(self, now: float) -> Recorded | None:
        """What the runtime of the applications counted for this prefix."""
        with self._link.call():
            return read_recorder(self._link, self._prefix, now)

    def details(self) -> Mapping[str, object]:
        """The server's own figures; they speak of all its databases."""
        with self._link.call():
            memory, stats = self._link.info("memory"), self._link.info("stats")
        facts = self._link.facts
        return {
            "server_version": facts.get("redis_version"),
            "server_uptime_seconds": _number(facts, "uptime_in_seconds"),
            "server_memory": _number(memory, "used_memory"),
            "server_memory_resident": _number(memory, "used_memory_rss"),
            "server_memory_limit": _number(memory, "maxmemory") or None,
            "server_eviction_policy": memory.get("maxmemory_policy"),
            "server_evicted": _number(stats, "evicted_keys"),
            "server_expired": _number(stats, "expired_keys"),
            **self._live.details(stats),
        }

    def interrupt(self) -> None:
        """Close the socket under the call in progress; the next call connects anew."""
        self._link.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _entries(self, page: Described, seen: SeenNames) -> Described:
        # What exists, is listed for the first time, and is no recorder.
        if "none" in page.kinds:
            page = page.only([row for row, kind in enumerate(page.kinds) if kind != "none"])
        names, kinds = page.names, page.kinds
        rows = seen.new_of(names)
        if "hash" in kinds:
            doubtful = [row for row in rows if kinds[row] == "hash" and _RECORDER.search(names[row])]
            recorders = self._recorders([names[row] for row in doubtful])
            rows = [row for row in rows if names[row] not in recorders]
        return page if len(rows) == len(names) else page.only(rows)

    def _recorders(self, names: Sequence[str]) -> set[str]:
        # Named like one and with its first field: an application may well have a hash of such a name.
        answers = self._link.bracketed([("HEXISTS", bytes_of(name), _RECORDER_FIELD) for name in names])
        return {name for name, answer in zip(names, answers, strict=True) if answer == 1}

    def _described(self, ids: Sequence[EntryId]) -> list[Described]:
        names = [self._names(entry_id) for entry_id in ids]
        flat = self._listing.describe([name for part in names for name in part])
        if len(flat.names) == len(names):
            return [Described([n], [k], [e], [s], [a]) for n, k, e, s, a in flat.rows()]
        found, start = [], 0
        for part in names:
            found.append(flat.only(range(start, start + len(part))))
            start += len(part)
        return found

    def _only(self, entry_id: EntryId) -> Described:
        found = self._described([entry_id])[0]
        require_found(found.kinds[0] != "none", cast(str, entry_id))
        if found.kinds[0] == "?":
            raise UnsupportedAction(FORBIDDEN, "Ask the administrator of the server for that right.")
        return found

    def _first_look(self, seen: Seen, now: Described) -> Fate | str | None:
        if now.kinds[0] == "none":
            return Fate.GONE
        if "?" in now.kinds:
            return FORBIDDEN
        stamp = self._stamp(now)
        near = abs(stamp[-1] - seen.stamp[-1]) <= self._listing.tolerance
        if stamp[:-1] != tuple(seen.stamp[:-1]) or not near:
            return Fate.CHANGED
        return None

    def _entry_copy(self, entry_id: EntryId, now: Described, keys: Sequence[KeyCopy]) -> EntryCopy:
        key = cast(str, entry_id)
        size = sum(max(0, size) for size in now.sizes)
        return EntryCopy(key, self._namespace(key), size, pack_copies(keys), bytes_of(key))


def _warnings_of(memory: Mapping[str, str]) -> tuple[str, ...]:
    """What INFO says of memory that a plan should say, too."""
    used, limit = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    if not limit or used < FULL * limit or memory.get("maxmemory_policy") != "noeviction":
        return ()
    sizes = f"{format_size(used)} of {format_size(limit)}"
    return (f"The server has used {sizes} and evicts nothing: it may refuse to take entries back at an undo.",)


def _removal(entry_id: EntryId, fate: Fate | str, now: Described) -> Removal:
    if not isinstance(fate, Fate):
        return Removal(entry_id, Fate.FAILED, reason=fate)
    freed = sum([size for size in now.sizes if size > 0]) if fate is Fate.REMOVED else 0
    return Removal(entry_id, fate, freed)


def _number(info: Mapping[str, str], name: str) -> int | None:
    return int(info[name]) if info.get(name, "").isdecimal() else None
