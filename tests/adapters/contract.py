"""One suite that every adapter passes: subclass `AdapterContract` in the format's own test file.

A subclass says how its layout is written by the original application (`make` and the two `application_`
methods); everything else is derived. The tests run on real files, tables or keys.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from keeping import FullKeep, MemoryKeep
from layout_trees import TREES
from manifests import file_manifest, open_descriptors

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import NUMBERS, STAMP_WIDTH, Batch, ScanEnd
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, EntryNotFound, UnsupportedAction
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return, Seen
from cache_studio.model.targets import Target


@dataclass(frozen=True)
class Row:
    """One listed entry; unknown numbers are None, so that rows can be compared."""

    id: EntryId
    key: str
    stamp: Stamp
    namespace: str
    type: str
    tags: tuple[str, ...] | None
    problem: str
    size: float | None
    created: float | None
    accessed: float | None
    expires: float | None
    hits: float | None

    @property
    def seen(self) -> Seen:
        """The entry as `remove` wants it."""
        return Seen(self.id, self.stamp)

    def columns(self) -> tuple[object, ...]:
        """All that must be the same after a restore."""
        numbers = (self.size, self.created, self.accessed, self.expires, self.hits)
        return (self.key, self.namespace, self.type, self.tags, self.problem, *numbers)


def rows_of(batch: Batch) -> list[Row]:
    """The rows of a batch."""
    return [
        Row(
            id=batch.ids[row],
            key=batch.keys[row],
            stamp=tuple(int(part) for part in batch.stamps[row]),
            namespace=batch.namespaces[row],
            type=batch.types[row],
            tags=None if batch.tags is None else tuple(sorted(batch.tags[row])),
            problem=batch.problems.get(row, ""),
            **{
                name: None if math.isnan(batch.numbers[name][row]) else float(batch.numbers[name][row])
                for name in NUMBERS
            },
        )
        for row in range(len(batch))
    ]


def scan_all(adapter: Adapter) -> tuple[list[Batch], ScanEnd]:
    """All batches of a scan and how it ended."""
    batches: list[Batch] = []
    walk = adapter.scan()
    while True:
        try:
            batches.append(next(walk))
        except StopIteration as stop:
            return batches, stop.value


def listing(adapter: Adapter) -> dict[EntryId, Row]:
    """All entries by id, pending columns completed."""
    rows: dict[EntryId, Row] = {}
    for batch in scan_all(adapter)[0]:
        rows |= {row.id: row for row in rows_of(batch)}
        waiting = [batch.ids[row] for row in np.flatnonzero(batch.pending)]
        if waiting:
            filled = adapter.fill(waiting)
            assert not filled.pending.any()
            rows |= {row.id: row for row in rows_of(filled)}
    return rows


def removes(test: Callable[..., None]) -> Callable[..., None]:
    """Marks a test that removes entries: it is left out where a format is only looked at."""
    test.removes = True  # type: ignore[attr-defined]  # a function takes any attribute
    return test


class AdapterContract:
    """What every adapter promises."""

    format_name: str
    """The format under test."""
    ordinary: Sequence[str]
    """At least four keys of healthy, fresh entries that `make` stores; each is unique in its cache."""
    stale: Sequence[str] = ()
    """Keys of entries past their expiry."""
    forever: Sequence[str] = ()
    """Keys of entries that never expire."""
    broken: Sequence[str] = ()
    """Keys of entries that must be listed with a problem."""
    count: int = 12
    """How many entries `make` stores."""
    removable: bool = True
    """Whether the format removes; False for those that are only looked at."""
    looks_at: Sequence[str] = ()
    """Other formats' trees that this one can open by a mapping (certainty "look")."""

    # What a format writes for its tests.

    def make(self, tmp_path: Path) -> Target:
        """Store about twelve entries as the original application does; options belong to the target."""
        raise NotImplementedError

    def application_rewrites(self, target: Target, key: str) -> None:
        """Store another, longer value under the key, whether or not it is there."""
        raise NotImplementedError

    def application_deletes(self, target: Target, key: str) -> None:
        """Remove the entry as the application does."""
        raise NotImplementedError

    # What a format may say differently.

    def missing(self, tmp_path: Path) -> Target:
        """A place where there is no cache."""
        return Target(str(tmp_path / "nowhere" / "cache"), self.format_name)

    def manifest(self, target: Target) -> Mapping[str, object]:
        """All that looking must not change: the cache and what lies beside it."""
        return file_manifest(Path(target.location).parent)

    def stored(self, target: Target) -> Mapping[str, object]:
        """All that removing and restoring must leave as it was. Default: the same files with the same times."""
        return file_manifest(Path(target.location).parent)

    def recorder_beside(self, target: Target) -> None:
        """Put a recorder where the runtime puts it."""
        Path(target.location + ".recorder").write_bytes(b"\x00" * 4096)

    @contextmanager
    def opened(self, target: Target, *, writable: bool = True) -> Iterator[Adapter]:
        """The cache, open with the target's options."""
        found = get_format(self.format_name)
        options = read_options(found.options, target.options)
        adapter = found.adapter_class().open(target, options, writable=writable)
        try:
            yield adapter
        finally:
            adapter.close()

    @pytest.fixture(autouse=True)
    def _removing(self, request: pytest.FixtureRequest) -> None:
        if not self.removable and getattr(request.function, "removes", False):
            pytest.skip("this format is only looked at")

    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        """The cache that `make` writes."""
        return self.make(tmp_path)

    @pytest.fixture
    def adapter(self, target: Target) -> Iterator[Adapter]:
        """It, open for writing."""
        with self.opened(target) as adapter:
            yield adapter

    def row(self, adapter: Adapter, key: str) -> Row:
        """The only entry with this key."""
        found = [row for row in listing(adapter).values() if row.key == key]
        assert len(found) == 1, f"{len(found)} entries have the key {key!r}"
        return found[0]

    # Opening.

    def test_a_missing_cache_is_said_and_not_created(self, tmp_path: Path) -> None:
        target = self.missing(tmp_path)
        with pytest.raises(CacheUnavailable) as raised, self.opened(target):
            pass
        assert raised.value.message
        assert raised.value.hint
        assert target.is_url or not Path(target.location).exists()

    def test_two_can_have_it_open_at_once(self, target: Target) -> None:
        with self.opened(target) as first, self.opened(target) as second:
            assert listing(first) == listing(second)

    def test_closing_twice_is_safe_and_releases_everything(self, target: Target) -> None:
        with self.opened(target) as adapter:  # imports and caches of the first use
            listing(adapter)
        before = open_descriptors()
        with self.opened(target) as adapter:
            listing(adapter)
            walk = adapter.scan()
            next(walk)
            walk.close()
            adapter.close()
        assert open_descriptors() == before

    def test_looking_changes_nothing(self, target: Target) -> None:
        before = self.manifest(target)
        with self.opened(target) as adapter:
            for entry_id in listing(adapter):
                adapter.read(entry_id)
            adapter.lookup([self.ordinary[0]])
            adapter.measure(), adapter.counters(), adapter.details(), adapter.compactable(), adapter.watched()
        assert self.manifest(target) == before

    # Listing.

    def test_a_scan_lists_every_entry_once(self, adapter: Adapter) -> None:
        batches, end = scan_all(adapter)
        ids = [entry_id for batch in batches for entry_id in batch.ids]
        assert end == ScanEnd()
        assert len(ids) == len(set(ids)) == self.count
        assert {*self.ordinary, *self.stale, *self.forever, *self.broken} <= {key for b in batches for key in b.keys}

    def test_batches_are_well_formed(self, adapter: Adapter) -> None:
        for batch in scan_all(adapter)[0]:
            count = len(batch.ids)
            assert 0 < count <= 10_000
            assert batch.stamps.shape == (count, STAMP_WIDTH)
            assert batch.stamps.dtype == np.int64
            assert set(batch.numbers) == set(NUMBERS)
            assert all(column.dtype == np.float64 and len(column) == count for column in batch.numbers.values())
            assert len(batch.keys) == len(batch.namespaces) == len(batch.types) == len(batch.pending) == count
            assert all(type(text) is str for text in [*batch.keys, *batch.namespaces, *batch.types])
            assert batch.pending.dtype == np.uint8
            assert batch.tags is None or (
                len(batch.tags) == count and all(isinstance(tags, tuple) for tags in batch.tags)
            )
            assert all(0 <= row < count and text for row, text in batch.problems.items())
            for name in ("size", "created", "accessed", "hits"):
                assert not np.isinf(batch.numbers[name]).any(), name
            assert not (batch.numbers["expires"] == -math.inf).any()
            assert not (batch.numbers["size"] < 0).any()

    def test_a_second_scan_says_the_same(self, adapter: Adapter) -> None:
        assert listing(adapter) == listing(adapter)

    def test_states_and_problems(self, adapter: Adapter) -> None:
        rows = {row.key: row for row in listing(adapter).values()}
        now = time.time()
        assert all((rows[key].expires or 0) > now for key in self.ordinary if rows[key].expires is not None)
        assert all(rows[key].expires is not None and rows[key].expires <= now for key in self.stale)
        assert all(rows[key].expires == math.inf for key in self.forever)
        assert all(rows[key].problem for key in self.broken)
        assert not any(rows[key].problem for key in [*self.ordinary, *self.stale, *self.forever])

    def test_a_recorder_beside_it_is_no_entry(self, target: Target) -> None:
        self.recorder_beside(target)
        with self.opened(target) as adapter:
            assert len(listing(adapter)) == self.count

    def test_lookup_finds_by_key(self, adapter: Adapter) -> None:
        wanted = [self.ordinary[0], self.ordinary[1], "no such key"]
        found = rows_of(adapter.lookup(wanted))
        assert {row.key for row in found} == set(wanted[:2])
        namespace = self.row(adapter, self.ordinary[0]).namespace
        assert [row.key for row in rows_of(adapter.lookup(wanted[:1], namespace))] == wanted[:1]
        assert rows_of(adapter.lookup(wanted[:1], "no such namespace")) == []

    # Reading.

    def test_every_entry_can_be_read_and_cut(self, adapter: Adapter) -> None:
        for entry_id in listing(adapter):
            whole = adapter.read(entry_id)
            cut = adapter.read(entry_id, max_bytes=3)
            assert whole.pieces
            assert [piece.name for piece in whole.pieces] == [piece.name for piece in cut.pieces]
            for piece, short in zip(whole.pieces, cut.pieces, strict=True):
                assert piece.problem or len(piece.data) == piece.total
                assert len(short.data) <= 3
                assert piece.data.startswith(short.data)

    def test_reading_what_vanished(self, target: Target, adapter: Adapter) -> None:
        entry_id = self.row(adapter, self.ordinary[0]).id
        self.application_deletes(target, self.ordinary[0])
        with pytest.raises(EntryNotFound):
            adapter.read(entry_id)

    # Figures.

    def test_figures_are_sane(self, adapter: Adapter) -> None:
        sizes = sum(row.size or 0 for row in listing(adapter).values())
        volume = adapter.measure()
        assert volume.volume is None or volume.volume >= sizes > 0
        json.dumps(adapter.details(), allow_nan=False)
        counters = adapter.counters()
        assert (counters.hits is None) == (counters.source is None)
        assert all(part.what and part.count >= 0 and part.bytes >= 0 for part in adapter.compactable())

    def test_what_can_be_watched_is_named(self, adapter: Adapter) -> None:
        folders = adapter.watched()
        assert all(os.path.isdir(folder) for folder, _recursive in folders)
        assert not folders or adapter.capabilities.can(Ability.WATCH)

    # Capabilities.

    def test_read_only_changes_nothing_whatever_is_asked(self, target: Target) -> None:
        before = self.manifest(target)
        with self.opened(target, writable=False) as adapter:
            assert adapter.capabilities.can(Ability.READ)
            assert not adapter.capabilities.can(Ability.REMOVE)
            assert not adapter.capabilities.can(Ability.COMPACT)
            assert adapter.capabilities.why_not(Ability.REMOVE)
            rows = listing(adapter)
            for attempt in (
                lambda: adapter.remove([row.seen for row in rows.values()], MemoryKeep()),
                lambda: adapter.restore([], MemoryKeep()),
                adapter.compact,
            ):
                with pytest.raises(UnsupportedAction):
                    attempt()
        assert self.manifest(target) == before

    def test_what_is_not_offered_is_refused(self, adapter: Adapter) -> None:
        if not adapter.capabilities.can(Ability.COMPACT):
            with pytest.raises(UnsupportedAction):
                adapter.compact()
        if not adapter.capabilities.can(Ability.REMOVE):
            with pytest.raises(UnsupportedAction):
                adapter.remove([], None)
        assert adapter.capabilities.can(Ability.UNDO) or adapter.no_undo or not adapter.capabilities.can(Ability.REMOVE)

    def test_the_format_declares_what_is_allowed(self, adapter: Adapter) -> None:
        declared, able = get_format(self.format_name).abilities, adapter.capabilities
        assert able.allowed <= declared
        kept = {Ability.REMOVE, Ability.UNDO, Ability.COMPACT, Ability.SET_EXPIRY} & declared
        assert kept <= able.allowed | set(able.reasons)

    def test_interrupting_nothing_is_harmless(self, adapter: Adapter) -> None:
        adapter.interrupt()
        assert len(listing(adapter)) == self.count

    # Removing and restoring.

    @removes
    def test_remove_frees_and_removes_what_was_copied_before(self, target: Target, adapter: Adapter) -> None:
        chosen = [self.row(adapter, key) for key in self.ordinary[:3]]

        def still_there() -> None:
            with self.opened(target, writable=False) as other:
                assert len(listing(other)) == self.count

        keep = MemoryKeep(still_there)
        removals = adapter.remove([row.seen for row in chosen], keep)
        assert [(removal.id, removal.fate) for removal in removals] == [(row.id, Fate.REMOVED) for row in chosen]
        assert [(copy.key, copy.namespace) for copy in keep.taken] == [(row.key, row.namespace) for row in chosen]
        assert all(copy.size == row.size for copy, row in zip(keep.taken, chosen, strict=True))
        assert all(removal.freed >= 0 for removal in removals)
        rest = listing(adapter)
        assert len(rest) == self.count - 3
        assert not {row.id for row in chosen} & set(rest)

    @removes
    def test_remove_without_a_keep(self, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        assert [removal.fate for removal in adapter.remove([row.seen], None)] == [Fate.REMOVED]
        assert row.id not in listing(adapter)

    @removes
    def test_a_keep_that_cannot_take_ends_it_before_anything_is_removed(self, target: Target, adapter: Adapter) -> None:
        before = self.stored(target)
        with pytest.raises(CacheStudioError, match="full"):
            adapter.remove([row.seen for row in listing(adapter).values()], FullKeep())
        assert self.stored(target) == before
        assert len(listing(adapter)) == self.count

    @removes
    def test_changed_stays_and_gone_is_gone(self, target: Target, adapter: Adapter) -> None:
        changed, gone, calm = (self.row(adapter, key) for key in self.ordinary[:3])
        self.application_rewrites(target, changed.key)
        self.application_deletes(target, gone.key)
        keep = MemoryKeep()
        removals = adapter.remove([row.seen for row in (changed, gone, calm)], keep)
        assert [removal.fate for removal in removals] == [Fate.CHANGED, Fate.GONE, Fate.REMOVED]
        assert {changed.key} <= {row.key for row in listing(adapter).values()}
        assert calm.key in {copy.key for copy in keep.taken}

    def rewrite_in_between(self, target: Target, key: str) -> bool:
        """The application writes after the copy and before the removal; False where a lock keeps it out."""
        self.application_rewrites(target, key)
        return True

    @removes
    def test_changed_while_it_is_copied_stays(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        written: list[bool] = []
        keep = MemoryKeep(lambda: written.append(self.rewrite_in_between(target, row.key)))
        fate = adapter.remove([row.seen], keep)[0].fate
        assert fate is (Fate.CHANGED if written[0] else Fate.REMOVED)
        assert (row.key in {found.key for found in listing(adapter).values()}) == written[0]

    @removes
    def test_restore_is_exact(self, target: Target, adapter: Adapter) -> None:
        if not adapter.capabilities.can(Ability.UNDO):
            pytest.skip("no undo")
        before, rows = self.stored(target), listing(adapter)
        payloads = {entry_id: adapter.read(entry_id) for entry_id in rows}
        keep = MemoryKeep()
        removals = adapter.remove([row.seen for row in rows.values()], keep)
        assert {removal.fate for removal in removals} == {Fate.REMOVED}
        assert listing(adapter) == {}
        assert adapter.present(keep.taken) == [False] * self.count
        restored = adapter.restore(keep.taken, keep)
        assert [restoration.fate for restoration in restored] == [Return.RESTORED] * self.count
        again = listing(adapter)
        assert {row.columns() for row in again.values()} == {row.columns() for row in rows.values()}
        assert {entry_id: adapter.read(entry_id).pieces for entry_id in again} == {
            entry_id: payload.pieces for entry_id, payload in payloads.items()
        }
        assert self.stored(target) == before
        assert adapter.present(keep.taken) == [True] * self.count

    @removes
    def test_restore_never_replaces_a_newer_entry(self, target: Target, adapter: Adapter) -> None:
        if not adapter.capabilities.can(Ability.UNDO):
            pytest.skip("no undo")
        row, calm = (self.row(adapter, key) for key in self.ordinary[:2])
        keep = MemoryKeep()
        adapter.remove([row.seen, calm.seen], keep)
        self.application_rewrites(target, row.key)
        newer = self.row(adapter, row.key)
        restored = adapter.restore(keep.taken, keep)
        assert [restoration.fate for restoration in restored] == [Return.NEWER_KEPT, Return.RESTORED]
        assert self.row(adapter, row.key).columns() == newer.columns()
        assert adapter.present(keep.taken) == [False, True]

    @removes
    def test_restoring_what_is_still_there_keeps_it(self, target: Target, adapter: Adapter) -> None:
        if not adapter.capabilities.can(Ability.UNDO):
            pytest.skip("no undo")
        row = self.row(adapter, self.ordinary[0])
        keep = MemoryKeep()
        adapter.remove([row.seen], keep)
        adapter.restore(keep.taken, keep)
        before = self.stored(target)
        assert adapter.present(keep.taken) == [True]
        assert adapter.restore(keep.taken, keep)[0].fate in (Return.RESTORED, Return.NEWER_KEPT)
        assert self.stored(target) == before

    # Compacting.

    def test_compacting_leaves_the_entries_alone(self, adapter: Adapter) -> None:
        if not adapter.capabilities.can(Ability.COMPACT):
            pytest.skip("nothing to compact in this format")
        before = {row.columns() for row in listing(adapter).values()}
        parts = adapter.compact()
        assert all(part.count >= 0 and part.bytes >= 0 for part in parts)
        assert {row.columns() for row in listing(adapter).values()} == before

    # Recognising.

    def test_its_own_tree_is_recognised(self, target: Target) -> None:
        if target.is_url:
            pytest.skip("a server is asked, not looked at")
        assert get_format(self.format_name).recognise(Sight(target.location)).certainty is Certainty.SURE

    @pytest.mark.parametrize("other", sorted(TREES))
    def test_other_trees_are_not_taken_for_its_own(self, tmp_path: Path, other: str) -> None:
        if other == self.format_name:
            pytest.skip("its own")
        found = get_format(self.format_name).recognise(Sight(str(TREES[other](tmp_path))))
        assert found.certainty is (Certainty.LOOK if other in self.looks_at else Certainty.NO)

    def test_an_empty_folder_and_an_odd_file_are_no_caches_for_sure(self, tmp_path: Path) -> None:
        odd = tmp_path / "odd"
        odd.write_bytes(b"\x00\xff{[")
        (tmp_path / "empty").mkdir()
        recognise = get_format(self.format_name).recognise
        assert recognise(Sight(str(odd))).certainty is Certainty.NO
        assert recognise(Sight(str(tmp_path / "empty"))).certainty is not Certainty.SURE
        assert recognise(Sight(str(tmp_path / "absent"))).certainty is Certainty.NO
