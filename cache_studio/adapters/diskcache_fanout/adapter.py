"""The studio's side of a FanoutCache: its shards as one cache. An id is the shard's number and the id in it."""

import os
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

from cache_studio.adapters.base import Adapter, EntryCopy, Keep, Kept, SetsExpiry, pack_id, unpack_id
from cache_studio.adapters.copy_columns import CopyColumns
from cache_studio.adapters.defaults import join
from cache_studio.adapters.diskcache import DATABASE
from cache_studio.adapters.diskcache.adapter import DiskcacheAdapter
from cache_studio.adapters.diskcache.recognise import shard_names
from cache_studio.adapters.files import unavailable
from cache_studio.adapters.sqlite_answers import Answers
from cache_studio.adapters.sqlite_removing import BATCHES
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, ScanEnd
from cache_studio.model.errors import CacheStudioError, Cancelled, EntryNotFound, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload
from cache_studio.model.seeing import Counters, Fate, Part, Renewal, Renewed, Restoration, Return, Seen, Volume
from cache_studio.model.seeing_columns import RemovalColumns, SeenColumns
from cache_studio.model.targets import Target

NESTED = ("cache", "deque", "index")
"""Folders beside the shards in which a FanoutCache keeps caches and data of their own."""
_SUMMED = ("count", "size", "size_limit", "hits", "misses", "volume", "pages", "free_pages")
_SAME = ("eviction_policy", "statistics", "tag_index", "cull_limit", "disk", "journal_mode", "page_size")
_Thing = TypeVar("_Thing")
_Answer = TypeVar("_Answer")


class FanoutAdapter(Adapter, SetsExpiry):
    """All shards of one `diskcache.FanoutCache`."""

    fitted_batches = BATCHES
    shards: dict[int, DiskcacheAdapter]
    _path: str

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "FanoutAdapter":
        """Open every shard of the folder, or none."""
        adapter = cls()
        adapter._path, adapter.shards = os.path.abspath(target.location), {}
        with ExitStack() as undo:
            for name in _shards_in(adapter._path):
                place = replace(target, location=os.path.join(adapter._path, name))
                adapter.shards[int(name)] = DiskcacheAdapter.open(place, options, writable=writable)
                undo.callback(adapter.shards[int(name)].close)
            adapter._join_capabilities()
            undo.pop_all()
        return adapter

    def _join_capabilities(self) -> None:
        """What every shard allows: one that may not be changed speaks for all, because no key says where it lies."""
        allowed = frozenset.intersection(*(shard.capabilities.allowed for shard in self.shards.values()))
        reasons = {
            ability: why for shard in self.shards.values() for ability, why in shard.capabilities.reasons.items()
        }
        self.capabilities = Capabilities(allowed, reasons)
        self.warnings = tuple(dict.fromkeys(text for shard in self.shards.values() for text in shard.warnings))

    # Listing and reading.

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """Shard after shard; one that cannot be read hides no other."""
        reasons: list[str] = []
        for number, shard in self.shards.items():
            try:
                walk = shard.scan()
                end = yield from _numbered_all(walk, number)
            except Cancelled:
                raise
            except CacheStudioError as error:
                if len(reasons) + 1 == len(self.shards):
                    raise
                end = ScanEnd(False, error.message)
            if not end.complete:
                reasons.append(f"Shard {number:03}: {end.reason}")
        self._join_capabilities()
        return ScanEnd(not reasons, " ".join(reasons[:3]))

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """Asked of every shard: its number comes of a hash of what a key was before it was stored."""
        return join([_numbered(shard.lookup(keys, namespace), number) for number, shard in self.shards.items()])

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """As its shard reads it."""
        number, inner = self._within(entry_id)
        return self.shards[number].read(inner, max_bytes)

    def _within(self, entry_id: EntryId) -> tuple[int, EntryId]:
        match entry_id:
            case (int() as number, inner) if number in self.shards:
                return number, inner
        raise EntryNotFound("There is no such entry.", "It may have been removed meanwhile; refresh the list.")

    # Changing.

    def _by_shard(
        self, things: Iterable[_Thing], id_of: Callable[[_Thing], EntryId]
    ) -> dict[int, list[tuple[EntryId, _Thing]]]:
        groups: dict[int, list[tuple[EntryId, _Thing]]] = {}
        for thing in things:
            number, inner = self._within(id_of(thing))
            groups.setdefault(number, []).append((inner, thing))
        return groups

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> RemovalColumns:
        """Copies of all shards first; then each removes its own."""
        self.capabilities.require(Ability.REMOVE)
        groups = self._by_shard(entries, lambda entry: entry.id)
        answers = {number: Answers() for number in groups}
        chunks = {}
        with ExitStack() as opened:
            for number, group in groups.items():
                shard, shard_keep = self.shards[number], None if keep is None else _ShardKeep(keep, number)
                seen = SeenColumns.of([Seen(inner, entry.stamp) for inner, entry in group])
                writer = opened.enter_context(shard.writer())
                chunks[number] = shard.chosen(writer, seen, shard_keep, answers[number])
            self._remove_in_turns({n: self.shards[n].removing(chunks[n], answers[n]) for n in groups}, groups, answers)
        found = Answers()
        for number, inside in answers.items():
            found.fates |= {(number, inner): fate for inner, fate in inside.fates.items()}
            found.told |= {(number, inner): told for inner, told in inside.told.items()}
        return found.of([entry.id for entry in entries])

    def _remove_in_turns(
        self,
        steps: dict[int, Generator[None, None, None]],
        groups: Mapping[int, Sequence[tuple[EntryId, Seen]]],
        answers: Mapping[int, Answers],
    ) -> None:
        """One transaction of each shard, then the next of each: one rests while the others are written to.

        Raises only where nothing was removed in any yet.
        """
        with ExitStack() as undo:
            for step in steps.values():
                undo.callback(step.close)
            while steps:
                for number in list(steps):
                    try:
                        next(steps[number])
                    except StopIteration:
                        del steps[number]
                    except CacheStudioError as error:
                        del steps[number]
                        if not any(Fate.REMOVED in found.fates.values() for found in answers.values()):
                            raise
                        left = [inner for inner, _entry in groups[number] if inner not in answers[number].fates]
                        answers[number].add(left, Fate.FAILED, error.message)

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """As each shard sets it."""
        self.capabilities.require(Ability.SET_EXPIRY)
        wanted = list(zip(entries, expires, strict=True))
        answers: dict[EntryId, Renewal] = {}
        for number, group in self._by_shard(wanted, lambda one: one[0].id).items():
            inside = [Seen(inner, entry.stamp) for inner, (entry, _moment) in group]
            try:
                renewed = self.shards[number].set_expiry(inside, [moment for _inner, (_entry, moment) in group])
            except CacheStudioError as error:
                if not answers:
                    raise
                renewed = [Renewal(inner, Renewed.FAILED, reason=error.message) for inner, _one in group]
            for (_inner, (entry, _moment)), answer in zip(group, renewed, strict=True):
                answers[entry.id] = replace(answer, id=entry.id)
        return [answers[entry.id] for entry in entries]

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """As each shard restores; a shard that is gone gets nothing back."""
        self.capabilities.require(Ability.UNDO)
        return self._of_copies(
            copies,
            lambda shard, own: shard.restore(own, kept),
            Restoration(Return.FAILED, "Its shard is not there any more."),
            lambda error: Restoration(Return.FAILED, error.message),
        )

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """As each shard says."""
        return self._of_copies(copies, lambda shard, own: shard.present(own), False)

    def _of_copies(
        self,
        copies: Sequence[EntryCopy],
        ask: Callable[[DiskcacheAdapter, list[EntryCopy]], list[_Answer]],
        missing: _Answer,
        failed: Callable[[CacheStudioError], _Answer] | None = None,
    ) -> list[_Answer]:
        answers = [missing] * len(copies)
        groups: dict[int, list[tuple[int, EntryCopy]]] = {}
        for place, copy in enumerate(copies):
            try:
                number, inner = self._within(unpack_id(copy.id))
            except EntryNotFound:
                continue
            groups.setdefault(number, []).append((place, replace(copy, id=pack_id(inner))))
        for at, (number, group) in enumerate(groups.items()):
            try:
                found = ask(self.shards[number], [copy for _place, copy in group])
            except CacheStudioError as error:
                if not at or failed is None:
                    raise
                found = [failed(error)] * len(group)
            for (place, _copy), answer in zip(group, found, strict=True):
                answers[place] = answer
        return answers

    # Space and figures.

    def compactable(self) -> list[Part]:
        """That of all shards together."""
        return _summed(part for shard in self.shards.values() for part in shard.compactable())

    def compact(self) -> list[Part]:
        """One shard after the other."""
        self.capabilities.require(Ability.COMPACT)
        return _summed(part for shard in self.shards.values() for part in shard.compact())

    def compact_note(self) -> str:
        """What a FanoutCache does that finds a shard locked; "" where none is locked."""
        if not any(shard.compact_note() for shard in self.shards.values()):
            return ""
        return "Each shard is locked while it is rewritten: a FanoutCache drops what it cannot store at once."

    def measure(self) -> Volume:
        """All shards together; the size limit is shared out among them."""
        volumes = [shard.measure() for shard in self.shards.values()]
        limits = [volume.capacity for volume in volumes if volume.capacity is not None]
        return Volume(
            sum(volume.volume or 0 for volume in volumes),
            sum(volume.reclaimable or 0 for volume in volumes),
            sum(limits) if len(limits) == len(volumes) else None,
        )

    def counters(self) -> Counters:
        """The sums of what the shards count; empty where one does not."""
        found = [shard.counters() for shard in self.shards.values()]
        if any(counters.hits is None or counters.source is not found[0].source for counters in found):
            return Counters()
        misses = [counters.misses for counters in found if counters.misses is not None]
        hits = sum(counters.hits or 0 for counters in found)
        return replace(found[0], hits=hits, misses=sum(misses) if len(misses) == len(found) else None)

    def details(self) -> Mapping[str, object]:
        """The library's figures summed, how the entries are shared out, and the caches that lie beside the shards."""
        found = [dict(shard.details()) for shard in self.shards.values()]
        numbers = {name: [one[name] for one in found] for name in _SUMMED}
        sums = {name: sum(n for n in several if isinstance(n, int)) for name, several in numbers.items()}
        nested = [f"{kind}/{name}" for kind in NESTED for name in _folders_in(os.path.join(self._path, kind))]
        return {
            "shards": len(self.shards),
            **sums,
            **{name: found[0][name] for name in _SAME},
            "entries_of_shards": numbers["count"],
            "caches_beside": nested,
        }

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder of every shard."""
        return tuple(place for shard in self.shards.values() for place in shard.watched())

    def interrupt(self) -> None:
        """End the query in progress, whichever shard it asks."""
        for shard in self.shards.values():
            shard.interrupt()

    def close(self) -> None:
        """Close every shard."""
        for shard in self.shards.values():
            shard.close()


class _ShardKeep:
    """Gives the copies of one shard the ids that they have in the whole cache."""

    def __init__(self, keep: Keep, number: int) -> None:
        self._keep = keep
        self._number = number

    def file(self, descriptor: int, length: int) -> str:
        return self._keep.file(descriptor, length)

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        columns = CopyColumns.of(copies)
        head = pack_id((self._number, 0))[:-1]  # a pair, of which the second is packed already
        self._keep.copies(columns.with_ids([head + packed for packed in columns.ids]))

    def version(self, descriptor: int, length: int, name: str) -> str:
        return self._keep.version(descriptor, length, name)


def _numbered(batch: Batch, number: int) -> Batch:
    return replace(batch, ids=[(number, entry_id) for entry_id in batch.ids])


def _numbered_all(walk: Generator[Batch, None, ScanEnd], number: int) -> Generator[Batch, None, ScanEnd]:
    try:
        while True:
            try:
                batch = next(walk)
            except StopIteration as stop:
                end: ScanEnd = stop.value
                return end
            yield _numbered(batch, number)
    finally:
        walk.close()


def _summed(parts: Iterable[Part]) -> list[Part]:
    sums: dict[str, Part] = {}
    for part in parts:
        before = sums.get(part.what, Part(part.what, 0, 0))
        sums[part.what] = Part(part.what, before.count + part.count, before.bytes + part.bytes)
    return list(sums.values())


def _shards_in(path: str) -> list[str]:
    try:
        with os.scandir(path) as found:
            folders = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise unavailable(path, error) from error
    names = [name for name in shard_names(folders) if os.path.isfile(os.path.join(path, name, DATABASE))]
    if not names:
        raise WrongFormat("There are no shards in this folder.", "A FanoutCache has folders 000, 001 and so on.")
    return names


def _folders_in(path: str) -> list[str]:
    try:
        with os.scandir(path) as found:
            return sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))[:100]
    except OSError:
        return []
