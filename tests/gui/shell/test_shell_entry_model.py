"""The item model of the entry table and how positions follow entries."""

from __future__ import annotations

import math
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester

from cache_studio.gui.cache_rows import SPARK_POINTS, SPARK_SECONDS, in_slots
from cache_studio.gui.item_models import entry_columns as columns
from cache_studio.gui.item_models.entry_model import EntryModel
from cache_studio.gui.item_models.entry_rows import EntryRows, distinct, runs
from cache_studio.gui.widgets.roles import Role
from cache_studio.model.columns import View, make_batch
from cache_studio.model.matching import match
from cache_studio.model.selection import parse_selection
from cache_studio.model.statistics import total
from cache_studio.services.browse import Listing
from cache_studio.services.catalog import Catalog
from cache_studio.services.ordering import Sort, ordered

NOW = 1_800_000_000.0


def listing(view: View, expression: str = "", sort: Sort | None = None) -> EntryRows:
    matched = match(parse_selection(expression), view, NOW)
    rows = ordered(view, matched.true, sort or Sort())
    return EntryRows.of(Listing(view, rows, matched, total(view, NOW, matched.true), expression))


def catalog(count: int) -> Catalog:
    made = Catalog()
    made.begin_listing()
    made.add(
        make_batch(
            [f"id{n}" for n in range(count)],
            [f"key{n:04d}" for n in range(count)],
            [(n, 1, 1) for n in range(count)],
            size=[float(n) for n in range(count)],
            expires=[NOW + 60 * (n - 2) for n in range(count)],
            created=[NOW - 600.0] * count,
            problems={1: "half written"},
        )
    )
    made.end_listing(True)
    return made


def cell(model: EntryModel, row: int, column: int, role: int = Qt.ItemDataRole.DisplayRole) -> object:
    return model.index(row, column).data(role)


def test_the_model_keeps_qts_rules(qtmodeltester: ModelTester) -> None:
    model, made = EntryModel(clock=lambda: NOW), catalog(20)
    qtmodeltester.check(model)
    model.set_shown(listing(made.view()))
    made.forget(["id3", "id7"])
    model.set_shown(listing(made.view()))
    model.set_shown(listing(made.view(), "size>1000"))
    qtmodeltester.check(model)
    assert model.rowCount() == 0


def test_unknown_is_a_dash_and_says_so_in_words() -> None:
    model = EntryModel(clock=lambda: NOW)
    model.set_shown(listing(catalog(3).view()))
    assert cell(model, 0, columns.HITS) == "–"
    assert cell(model, 0, columns.HITS, Qt.ItemDataRole.AccessibleTextRole) == "not recorded"
    assert "not recorded" in str(cell(model, 0, columns.HITS, Qt.ItemDataRole.ToolTipRole))
    assert cell(model, 0, columns.SIZE) == "0 B"


def test_ttl_ticks_with_the_clock() -> None:
    moment = [NOW]
    model = EntryModel(clock=lambda: moment[0])
    model.set_shown(listing(catalog(4).view()))
    assert cell(model, 3, columns.TTL, Role.TTL) == 60
    moment[0] += 61
    assert cell(model, 3, columns.TTL, Role.TTL) == -1
    assert cell(model, 3, columns.TTL, Role.TTL_SHARE) == 0


def test_pending_is_not_unknown() -> None:
    made = Catalog()
    made.add(make_batch(["a"], ["a"], [(1, 1, 1)], size=[math.nan], pending=("size", "expires", "tags")))
    made.add(make_batch(["b"], ["b"], [(1, 1, 1)], size=[8_400.0], pending=("size",)))
    model = EntryModel(clock=lambda: NOW)
    model.set_shown(listing(made.view()))
    assert cell(model, 0, columns.SIZE) == "…"
    assert cell(model, 0, columns.TTL, Role.TTL) is None
    assert cell(model, 1, columns.SIZE) == "~8.4 kB"


def test_a_broken_entry_says_its_problem() -> None:
    model = EntryModel(clock=lambda: NOW)
    model.set_shown(listing(catalog(3).view()))
    assert cell(model, 1, columns.TYPE, Role.PROBLEM) == "half written"
    assert "half written" in str(cell(model, 1, columns.TYPE, Qt.ItemDataRole.ToolTipRole))


def test_positions_follow_entries_through_changes() -> None:
    made = catalog(20)
    before = listing(made.view())
    made.forget(["id0", "id5"])
    made.add(make_batch(["id9"], ["key0009"], [(9, 2, 2)], size=[77.0]))
    after = listing(made.view())
    chosen = np.array([0, 5, 6, 9], np.int32)
    kept = [after.listing.rows[at] for at in after.follow(before, chosen)]
    assert [after.view.ids[row] for row in kept] == ["id6", "id9"]


def test_positions_follow_entries_into_another_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cache_studio.services.catalog._TOMBSTONES", 1)
    made = catalog(20)
    before = listing(made.view())
    made.forget([f"id{n}" for n in range(15)])
    made.begin_listing()
    made.add(
        make_batch(
            [f"id{n}" for n in range(15, 20)],
            [f"key{n:04d}" for n in range(15, 20)],
            [(n, 1, 1) for n in range(15, 20)],
        )
    )
    made.end_listing(True)
    after = listing(made.view())
    assert after.view.epoch != before.view.epoch
    found = after.follow(before, np.array([3, 16, 18], np.int32))
    assert [after.view.ids[after.listing.rows[at]] for at in found] == ["id16", "id18"]


def test_new_figures_alone_do_not_reset_the_model() -> None:
    made = catalog(5)
    model = EntryModel(clock=lambda: NOW)
    assert model.set_shown(listing(made.view())) is None
    assert model.set_shown(listing(made.view())).tolist() == []
    made.add(make_batch(["id3", "id1"], ["key0003", "key0001"], [(3, 2, 1), (1, 2, 1)], size=[7.0, 9.0]))
    assert model.set_shown(listing(made.view())).tolist() == [1, 3]
    assert [model.entry(at).size for at in (1, 3)] == [9, 7]
    made.forget(["id1"])
    assert model.set_shown(listing(made.view())) is None
    made.add(make_batch(["id3"], ["a key that moves"], [(3, 3, 1)]))
    assert model.set_shown(listing(made.view())) is None


def test_runs_of_positions() -> None:
    assert runs(np.array([1, 2, 3, 7, 9, 10], np.int32)) == [(1, 3), (7, 7), (9, 10)]
    assert runs(np.array([], np.int32)) == []


@given(lists(integers(0, 9)))
def test_distinct_positions(chosen: list[int]) -> None:
    assert distinct(np.asarray(chosen, np.int32)).tolist() == sorted(set(chosen))


def test_following_rows_loads_nothing_more_of_numpy() -> None:
    probe = (
        "import sys, numpy\nfrom cache_studio.gui.item_models.entry_rows import distinct\n"
        "distinct(numpy.asarray([2, 1, 1], numpy.int32))\nprint('numpy.ma' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_a_million_rows_are_read_without_an_object_each(tmp_path: Path) -> None:
    count = 1_000_000
    made = Catalog()
    names = [str(n) for n in range(count)]
    for start in range(0, count, 100_000):
        part = names[start : start + 100_000]
        made.add(make_batch(part, part, np.ones((len(part), 3), np.int64), size=np.ones(len(part))))
    view = made.view()
    rows = np.arange(count, dtype=np.int32)
    matched = match(parse_selection(""), view, NOW)
    shown = EntryRows.of(Listing(view, rows, matched, total(view, NOW)))
    model = EntryModel(clock=lambda: NOW)
    tracemalloc.start()
    model.set_shown(shown)
    for row in range(count - 40, count):
        for column in range(model.columnCount()):
            cell(model, row, column)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < count  # bytes: less than one for each row


def test_a_spark_line_stands_at_its_place_in_time() -> None:
    times = np.array([NOW + 1, NOW + SPARK_SECONDS - 1, NOW + SPARK_SECONDS])
    slots = in_slots(times, np.array([0.5, math.nan, 0.75]), NOW)
    assert len(slots) == SPARK_POINTS
    assert (slots[0], slots[-1]) == (0.5, 0.75)
    assert all(math.isnan(rate) for rate in slots[1:-1])
