"""Figures of the benchmarks that are worked out, on listings and writers made by hand."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import change_writer
import data
import footprint
from jobs.live_changes import Change, latencies
from jobs.removals import ninety_ninth
from lock_waits import waits_beside

from cache_studio.gui.item_models.entry_rows import EntryRows
from cache_studio.model.columns import make_batch
from cache_studio.model.matching import match
from cache_studio.model.selection import parse_selection
from cache_studio.model.statistics import total
from cache_studio.services.browse import Listing
from cache_studio.services.catalog import Catalog
from cache_studio.services.ordering import Sort, ordered


def listed(catalog: Catalog) -> EntryRows:
    view = catalog.view()
    matched = match(parse_selection(""), view, 0.0)
    return EntryRows.of(Listing(view, ordered(view, matched.true, Sort()), matched, total(view, 0.0)))


def test_latency_is_to_the_first_listing_with_a_change_or_a_later_one() -> None:
    catalog, shown = Catalog(), []
    for moment, name, written in ((1.0, "a", 1), (2.0, "b", 7), (3.0, "a", 5), (4.0, "a", 6)):
        catalog.add(make_batch([name], [name], [(0, written)]))
        shown.append((moment, listed(catalog)))
    noted = [Change("a", 4, 1.5), Change("b", 7, 1.75), Change("a", 5, 2.5), Change("a", 9, 3.5)]
    assert sorted(latencies(noted, shown)) == [250.0, 500.0, 1_500.0, math.inf]


def test_a_writer_notes_what_stands_on_the_disk(tmp_path: Path) -> None:
    data.make_json_files(tmp_path / "cache", 3)
    noted = change_writer.change(tmp_path / "cache", range(1, 5), 6, math.inf)
    assert len(list((tmp_path / "cache").iterdir())) == 5
    newest = {name: written for name, written, _ in noted}
    assert len(newest) == 4
    assert newest == {name: (tmp_path / "cache" / name).stat().st_mtime_ns for name in newest}


def test_the_99_percent_value() -> None:
    assert ninety_ninth([float(number) for number in range(1, 101)]) == 99.0
    assert ninety_ninth([5.0]) == 5.0


def test_a_held_lock_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE entries(key TEXT)")
        connection.execute("BEGIN IMMEDIATE")
        with waits_beside(file) as found:
            connection.execute("ROLLBACK")
    assert all(0 <= wait < 60 for wait in found.waits)


def test_our_memory_is_looked_at_from_outside() -> None:
    with footprint.peak() as found:
        filled = bytearray(b"x" * 50_000_000)
    assert found.most > len(filled)
    assert footprint.handles() > 2
