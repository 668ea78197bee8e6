"""A folder of so many files that a child lists it: the same entries as file by file, and as well removed."""

import json
import os
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from cache_studio.adapters import child_listing
from cache_studio.adapters.base import Adapter
from cache_studio.adapters.defaults import join
from cache_studio.adapters.json_directory.adapter import JsonDirectoryAdapter
from cache_studio.adapters.registry import get_format
from cache_studio.model.columns import Batch, ScanEnd
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Seen
from cache_studio.model.targets import Target

COUNT = 2_600
BROKEN = "k0007"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("many")
    for number in range(COUNT):
        key = f"k{number:04d}"
        entry = {"cache_key": key, "timestamp": f"2026-01-01T00:{number % 60:02d}:00", "result": {"n": number}}
        (place / f"{key}.json").write_text("{" if key == BROKEN else json.dumps(entry), "utf-8")
        os.utime(place / f"{key}.json", (1_780_000_000, 1_780_000_000))
    return place


@pytest.fixture
def adapter(folder: Path):
    known = get_format("json-directory")
    options = read_options(known.options, {"key": "cache_key", "created": "timestamp", "value": "result", "ttl": "24h"})
    opened: Adapter = known.adapter_class().open(Target(str(folder)), options, writable=True)
    yield opened
    opened.close()


def drained(scan: Generator[Batch, None, ScanEnd], batches: list[Batch]) -> ScanEnd:
    """How a scan ended; its batches are added to the list."""
    while True:
        try:
            batches.append(next(scan))
        except StopIteration as stop:
            end: ScanEnd = stop.value
            return end


def test_lists_every_file_once_with_all_columns(adapter: Adapter) -> None:
    batches: list[Batch] = []
    end = drained(adapter.scan(), batches)
    assert end.complete
    batch = join(batches)
    assert sorted(batch.keys) == [f"k{number:04d}" for number in range(COUNT)]
    assert len(set(batch.ids)) == COUNT
    assert [batch.keys[row] for row in batch.problems] == [BROKEN]
    assert np.isnan(batch.numbers["expires"]).sum() == 1
    one = adapter.lookup(["k2599"])
    row = batch.keys.index("k2599")
    assert (one.ids[0], one.stamps[0].tolist()) == (batch.ids[row], batch.stamps[row].tolist())
    assert one.numbers["expires"][0] == batch.numbers["expires"][row]


def test_what_the_child_saw_can_be_removed(adapter: Adapter, folder: Path) -> None:
    last = list(adapter.scan())[-1]
    (removal,) = adapter.remove([Seen(last.ids[-1], tuple(last.stamps[-1].tolist()))], None)
    assert removal.fate is Fate.REMOVED
    gone = folder / str(last.ids[-1])
    assert not gone.exists()
    gone.write_text(json.dumps({"cache_key": gone.stem, "timestamp": "2026-01-01T00:00:00", "result": {}}), "utf-8")


def test_a_listing_that_is_left_ends_its_child(adapter: Adapter) -> None:
    scan = adapter.scan()
    seen = 0
    while seen <= COUNT - 1_000:
        seen += len(next(scan))
    scan.close()  # the guard of every test fails this one when a child or a thread stays
    assert seen < 2 * COUNT


def test_the_window_passes_after_each_frame_of_the_child(
    adapter: JsonDirectoryAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[int] = []
    monkeypatch.setattr(child_listing.precedence, "let_pass", lambda: passed.append(1))
    with adapter._child([]) as child:
        frames = list(child.batches())
    assert len(join(frames)) == COUNT
    assert len(passed) >= len(frames)
