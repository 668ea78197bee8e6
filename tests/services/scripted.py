"""A cache in memory whose every step a test decides: for what no real cache does on demand."""

import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import ClassVar

from cache_studio.adapters.base import NOT_RECOGNISED, Adapter, EntryCopy, Format, Keep, Kept, pack_id
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, ScanEnd, make_batch
from cache_studio.model.errors import Cancelled, EntryNotFound
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.seeing import Fate, Removal, Restoration, Return, Seen, Volume
from cache_studio.model.targets import Target
from cache_studio.services.attachment import Place


class Script:
    """What happens when; one for each test. `before_batch` is called with the number of each batch of a listing."""

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self.entries = dict(entries)
        self.batch = 2
        self.before_open: Callable[[], None] = lambda: None
        self.before_batch: Callable[[int], None] = lambda number: None
        self.before_remove: Callable[[int], None] = lambda number: None
        self.pending: tuple[str, ...] = ()
        self.filled: list[list[str]] = []
        self.opened = self.closed = self.scans = self.removals = self.measured = 0
        self.end = ScanEnd()
        self.no_undo = ""
        self.returns = ""
        self.interrupted = threading.Event()


class ScriptedAdapter(Adapter):
    """An adapter that follows the script its target names."""

    scripts: ClassVar[dict[str, Script]] = {}
    batch_size = 2

    def __init__(self, script: Script, writable: bool) -> None:
        self.script = script
        self.no_undo = script.no_undo
        self.returns_entries = script.returns
        abilities = {Ability.READ, Ability.REMOVE, Ability.UNDO, Ability.COMPACT}
        self.capabilities = Capabilities.of(abilities)
        if not writable:
            self.capabilities = self.capabilities.without(abilities - {Ability.READ}, "Attached read-only.")
        elif script.no_undo:
            self.capabilities = self.capabilities.without({Ability.UNDO}, script.no_undo)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "ScriptedAdapter":
        script = cls.scripts[target.location]
        script.before_open()
        script.opened += 1
        return cls(script, writable)

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        self.script.scans += 1
        self.script.interrupted.clear()
        keys = list(self.script.entries)
        for number, start in enumerate(range(0, len(keys), self.script.batch)):
            self.script.before_batch(number)
            if self.script.interrupted.is_set():
                raise Cancelled
            yield self._batch(keys[start : start + self.script.batch], self.script.pending)
        return self.script.end

    def _batch(self, keys: Sequence[str], pending: tuple[str, ...] = ()) -> Batch:
        held = [self.script.entries[key] for key in keys]
        return make_batch(
            keys, keys, [(hash(value),) for value in held], size=[len(value) for value in held], pending=pending
        )

    def fill(self, ids: Sequence[object]) -> Batch:
        keys = [str(entry_id) for entry_id in ids]
        self.script.filled.append(keys)
        return self._batch(keys)

    def read(self, entry_id: object, max_bytes: int | None = None) -> Payload:
        value = self.script.entries.get(str(entry_id))
        if value is None:
            raise EntryNotFound("It is gone.")
        return Payload((Piece("value", value[:max_bytes], len(value)),))

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        answers = []
        number, self.script.removals = self.script.removals, self.script.removals + 1
        copies = {}
        for entry in entries:
            value = self.script.entries.get(str(entry.id))
            if value is not None and entry.stamp[0] == hash(value):
                copies[entry.id] = EntryCopy(str(entry.id), "", len(value), value, pack_id(entry.id))
        if keep is not None:
            keep.copies(list(copies.values()))
        for entry in entries:
            if entry.id in copies:
                freed = len(self.script.entries.pop(str(entry.id)))
                answers.append(Removal(entry.id, Fate.REMOVED, freed))
                self.script.before_remove(number)
            else:
                gone = str(entry.id) not in self.script.entries
                answers.append(Removal(entry.id, Fate.GONE if gone else Fate.CHANGED))
        return answers

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        answers = []
        for copy in copies:
            newer = copy.key in self.script.entries
            self.script.entries.setdefault(copy.key, copy.data)
            answers.append(Restoration(Return.NEWER_KEPT if newer else Return.RESTORED))
        return answers

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        return [self.script.entries.get(copy.key) == copy.data for copy in copies]

    def measure(self) -> Volume:
        self.script.measured += 1
        return Volume(sum(map(len, self.script.entries.values())))

    def watched(self) -> tuple[tuple[str, bool], ...]:
        return (("/nowhere", False),)

    def changes(self, names: Collection[str]) -> tuple[Batch, list[object]] | None:
        if "?" in names:
            return None
        there = [name for name in names if name in self.script.entries]
        return self._batch(there), [name for name in names if name not in self.script.entries]

    def interrupt(self) -> None:
        self.script.interrupted.set()

    def close(self) -> None:
        self.script.closed += 1


FORMAT = Format("scripted", "For tests", (), lambda sight: NOT_RECOGNISED, "scripted:ScriptedAdapter")


def place_of(script: Script, name: str, *, writable: bool = True, sample_every: float = float("inf")) -> Place:
    """A place whose adapter follows this script."""
    ScriptedAdapter.scripts[name] = script
    return Place(name, Target(name, "scripted"), FORMAT, writable, sample_every=sample_every)
