"""Cards, spark lines, tiles and bar lists: unknown is said in words, gaps stay gaps."""

import math

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from cache_studio.gui.look import theme
from cache_studio.gui.widgets.bar_list import Bar, BarList, namespace_bars
from cache_studio.gui.widgets.cache_list import CacheListModel, CacheListView, format_rate, spoken, state_color
from cache_studio.gui.widgets.cards import Card, DropFrame, FigureCard
from cache_studio.gui.widgets.painting import spark_paths
from cache_studio.gui.widgets.roles import CacheRow, CacheState, PlaceRow, Role
from cache_studio.gui.widgets.spark_line import SparkLine

NAN = math.nan
HOSTILE = "<img src=x>\u202e"


def test_a_figure_is_spoken_with_unit_source_and_note(qtbot: QtBot) -> None:
    card = FigureCard("Hit rate")
    qtbot.addWidget(card)
    card.set_figure("71.4", "%", "recorded")
    card.set_note("11.4 points above target", "good")
    assert card.accessibleName() == "Hit rate, 71.4 %, recorded, 11.4 points above target"


def test_a_figure_that_is_not_recorded_says_so(qtbot: QtBot) -> None:
    card = FigureCard("Hit rate")
    qtbot.addWidget(card)
    height = card.sizeHint().height()
    assert card.figure_text() == "not recorded"
    card.set_figure("0", "%", "recorded")
    assert card.figure_text() == "0 %"
    assert card.sizeHint().height() == height


def test_a_card_shows_source_and_legend_as_plain_text(qtbot: QtBot) -> None:
    card = Card(HOSTILE, "recorded", [("accent", HOSTILE)])
    qtbot.addWidget(card)
    card.set_source("sampled")
    labels = card.findChildren(QLabel)
    assert "sampled" in [label.text() for label in labels]
    assert {label.textFormat() for label in labels} == {Qt.TextFormat.PlainText}


def test_the_drop_frame_shows_that_something_is_held_over_it(qtbot: QtBot) -> None:
    frame = DropFrame("Drop a cache here")
    qtbot.addWidget(frame)
    frame.resize(200, 100)
    calm = frame.grab().toImage()
    frame.set_active(True)
    assert frame.grab().toImage() != calm
    assert frame.accessibleName() == "Drop a cache here"


@pytest.mark.parametrize(
    ("values", "lengths"),
    [([], []), ([NAN, NAN], []), ([0.1, 0.2, 0.3], [3]), ([0.1, NAN, 0.3, 0.4], [1, 2]), ([NAN, 0.5], [1])],
)
def test_spark_lines_are_not_joined_over_gaps(values: list[float], lengths: list[int]) -> None:
    assert [path.elementCount() for path in spark_paths(QRectF(0, 0, 56, 20), values)] == lengths


def test_a_spark_line_without_values_says_not_recorded(qtbot: QtBot) -> None:
    line = SparkLine()
    qtbot.addWidget(line)
    assert line.accessibleName() == "Hit rate: not recorded"
    dashed = line.grab().toImage()
    line.set_values([0.5, NAN, 0.64])
    assert line.accessibleName() == "Hit rate: 64 %"
    assert line.grab().toImage() != dashed


def test_rates_are_never_zero_when_unknown() -> None:
    assert (format_rate(None), format_rate(NAN), format_rate(0.0)) == ("not recorded", "not recorded", "0 %")


def test_each_state_has_its_own_dot() -> None:
    assert len({state_color(state) for state in CacheState}) == len(CacheState)


def test_a_tile_is_spoken_whole_and_literally() -> None:
    row = CacheRow(HOSTILE, "redis", read_only=True, entries=9406, volume=71.8e6, hit_rate=0.48)
    assert spoken(row) == "<img src=x>\\u202e, redis, read-only, 9,406 entries, 71.8 MB, hit rate 48 %"


def test_only_tiles_that_changed_are_drawn(qtbot: QtBot) -> None:
    model = CacheListModel()
    rows = [CacheRow(name, "redis", entries=1) for name in "abc"]
    model.set_rows(rows)
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.set_rows([rows[0], CacheRow("b", "redis", entries=2), rows[2]])
    assert changed == [(1, 1)]


def test_the_list_draws_every_state(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    view, model = CacheListView("Attached"), CacheListModel()
    qtbot.addWidget(view)
    model.setParent(view)
    rows = [CacheRow(state.value, "redis", state, spark=(0.1, NAN, 0.3)) for state in CacheState]
    model.set_rows([*rows, CacheRow(HOSTILE, "json-file", read_only=True)])
    view.setModel(model)
    qtmodeltester.check(model)
    view.resize(240, 10)
    view.fit()
    assert view.height() == 5 * 72
    view.setCurrentIndex(model.index(2))
    picture = view.grab().toImage()
    assert picture.pixelColor(9, 2 * 72 + 36).name().upper() == theme.colors().accent
    assert model.set_rows(rows + rows[:1])
    assert not model.set_rows(rows + rows[:1]), "nothing changed"
    assert view.currentIndex().row() == 2, "new figures keep the selection"
    model.set_rows([PlaceRow("page cache", "diskcache", "9 days ago")])
    view.fit()
    assert view.height() == 40
    assert view.model().index(0, 0).data(Role.CACHE).note == "9 days ago"
    view.grab()


def test_namespace_bars_are_shares_of_the_longest() -> None:
    bars = namespace_bars([("a", 2, 100.0, 25.0), ("b", 1, 50.0, 0.0)])
    assert bars[0] == Bar("a", 2, 100.0, (("accent", 0.75), ("stale", 0.25)))
    assert bars[1].parts == (("accent", 0.5), ("stale", 0.0))
    assert namespace_bars([("empty", 0, 0.0, 0.0)])[0].parts == (("accent", 0.0), ("stale", 0.0))


def test_a_bar_list_is_spoken_and_as_high_as_its_rows(qtbot: QtBot) -> None:
    bars = BarList("By namespace")
    qtbot.addWidget(bars)
    bars.set_bars([Bar("tts", 312, 1.1e6, (("stale", 1.0),)), Bar(HOSTILE, None, None)])
    assert bars.accessibleDescription() == "tts 312, 1.1 MB; <img src=x>\\u202e not recorded, not recorded"
    assert bars.sizeHint().height() == 68
    bars.resize(260, 68)
    bars.grab()
