"""The charts: gaps are never joined, colours follow the theme, nothing can be dragged."""

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cache_studio.gui.look import theme
from cache_studio.gui.look.colors import DARK, LIGHT
from cache_studio.gui.plots.base import Plot
from cache_studio.gui.plots.expiry_plot import ExpiryPlot
from cache_studio.gui.plots.shapes import Bars
from cache_studio.gui.plots.time_plots import ChurnPlot, HitRatePlot, entries_plot, volume_plot

NOW = 1_795_186_800.0
TIMES = NOW - np.arange(100)[::-1] * 60.0


def with_gap() -> np.ndarray:
    values = np.full(100, 0.7)
    values[40:60] = np.nan
    return values


def test_no_curve_spans_a_gap(qtbot: QtBot) -> None:
    plot = HitRatePlot()
    qtbot.addWidget(plot)
    plot.set_series(TIMES, with_gap())
    lines = plot.line.curve.path().toSubpathPolygons()
    assert [(line[0].x(), line[-1].x()) for line in lines] == [(TIMES[0], TIMES[39]), (TIMES[60], TIMES[99])]
    assert plot.shaded() == [(TIMES[39], TIMES[60])]


def test_the_picture_has_ink_where_something_is_known_and_none_in_the_gap(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    plot = HitRatePlot()
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    values = with_gap()
    values[50] = 0.7
    plot.set_series(TIMES, values)
    plot.show()
    qtbot.waitExposed(plot)
    plot.grab()  # the axes are laid out in the first paint
    picture, box = plot.grab().toImage(), plot.box

    def inked(moment: float) -> bool:
        x = round(box.mapViewToScene(QPointF(moment, 70)).x())
        y = round(box.mapViewToScene(QPointF(moment, 70)).y())
        pixels = (picture.pixelColor(x, y + dy) for dy in (-1, 0, 1))
        return any(pixel.blue() - pixel.red() > 60 for pixel in pixels)

    assert [inked(float(TIMES[at])) for at in (20, 45, 50, 55)] == [True, False, True, False]


def test_what_is_charted_lies_above_the_lines_of_the_axis(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    plot = HitRatePlot()
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.set_target(0.6)  # at the height of a line of the axis
    plot.set_series(TIMES, np.full(100, np.nan))
    plot.show()
    qtbot.waitExposed(plot)
    plot.grab()
    picture = plot.grab().toImage()

    def colors(value: float) -> set[str]:
        left, right = (round(plot.box.mapViewToScene(QPointF(at, value)).x()) for at in (TIMES[0], TIMES[-1]))
        y = round(plot.box.mapViewToScene(QPointF(0, value)).y())
        return {picture.pixelColor(x, y + dy).name().upper() for x in range(left + 2, right - 2) for dy in (-1, 0, 1)}

    assert LIGHT.soon.bar.upper() in colors(60)
    assert LIGHT.soon.bar.upper() not in colors(80)


def test_an_axis_makes_room_for_its_words_and_writes_them_there(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    narrow, wide = volume_plot(), volume_plot()
    for plot, value in ((narrow, 3.0), (wide, 123_456_789.0)):
        qtbot.addWidget(plot)
        plot.resize(500, 250)
        plot.set_series(TIMES, [np.full(100, value), np.full(100, 0.0)])
        plot.show()
        qtbot.waitExposed(plot)
        plot.grab()
        qapp.processEvents()  # the first paint asks for the room
        picture, left = plot.grab().toImage(), round(plot.box.sceneBoundingRect().left())
        rows = range(picture.height())
        assert any(picture.pixelColor(x, y).lightness() < 160 for x in range(left - 4) for y in rows)
        assert all(picture.pixelColor(0, y).lightness() > 240 for y in rows)  # none is cut off
    assert wide.value_axis.width() > narrow.value_axis.width() + 8


def test_bars_that_overlap_leave_no_hole(qtbot: QtBot) -> None:
    plot = ChurnPlot()
    qtbot.addWidget(plot)
    times = NOW + np.array([-400.0, -300.0, -200.0, -100.0, -90.0])
    plot.set_series(times, np.full(5, 42.0), np.full(5, 31.0))
    for height, bars in ((20.0, plot.stored), (-20.0, plot.removed)):
        assert _is_drawn(plot, bars, float(times[-1]) - 5, height)


def test_bars_thinner_than_a_pixel_are_seen(qtbot: QtBot) -> None:
    plot = ChurnPlot()
    qtbot.addWidget(plot)
    times = NOW + np.arange(-2_000.0, 0.0)
    stored = np.full(2_000, np.nan)
    stored[50::100] = 42.0
    plot.set_series(times, stored, np.full(2_000, np.nan))
    picture = _picture(plot)
    row = plot.mapFromScene(plot.box.mapViewToScene(QPointF(NOW, 20.0))).y()
    color = plot.stored.item.color
    seen = sum(picture.pixelColor(x, row) == color for x in range(picture.width()))
    assert seen == 20, seen


def _is_drawn(plot: ChurnPlot, bars: Bars, at: float, height: float) -> bool:
    picture = _picture(plot)
    place = plot.mapFromScene(plot.box.mapViewToScene(QPointF(at, height)))
    return bool(picture.pixelColor(place) == bars.item.color)


def _picture(plot: ChurnPlot) -> QImage:
    plot.resize(300, 200)
    plot.grab()
    QApplication.processEvents()  # the first paint asks for the room
    return plot.grab().toImage()


class Paints(QObject):
    """Counts how often a widget is painted."""

    count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_nothing_is_drawn_twice_for_one_series(qtbot: QtBot) -> None:
    plot = HitRatePlot()
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.set_series(TIMES, with_gap())
    plot.show()
    qtbot.waitExposed(plot)
    plot.grab()
    QApplication.processEvents()
    paints = Paints()
    plot.viewport().installEventFilter(paints)
    plot.set_series(TIMES + 60, with_gap())
    qtbot.waitUntil(lambda: paints.count > 0)
    for _ in range(3):
        QApplication.processEvents()
    assert paints.count == 1


def test_series_can_grow_shrink_and_vanish(qtbot: QtBot) -> None:
    plot = HitRatePlot()
    qtbot.addWidget(plot)
    for values in (with_gap(), np.full(100, 0.5), np.full(100, np.nan), with_gap()):
        plot.set_series(TIMES, values)
        plot.grab()
    plot.set_series(np.empty(0), np.empty(0), (NOW - 300, NOW))
    assert plot.line.curve.path().isEmpty()
    assert plot.shaded() == [(NOW - 300, NOW)]


def test_the_readout_names_time_and_value_or_says_not_recorded(qtbot: QtBot) -> None:
    plot = HitRatePlot()
    qtbot.addWidget(plot)
    plot.set_series(TIMES, with_gap())
    known, unknown = plot.readout(float(TIMES[3]) + 5), plot.readout(float(TIMES[50]))
    assert known is not None
    assert unknown is not None
    assert known[0] == TIMES[3]
    assert known[1].endswith("70.0 %")
    assert unknown[1].endswith("not recorded")


def test_areas_name_each_layer_in_its_unit(qtbot: QtBot) -> None:
    plot = volume_plot()
    qtbot.addWidget(plot)
    plot.set_series(TIMES, [np.full(100, 64.2e6), np.full(100, 9.6e6)])
    assert plot.accessibleDescription() == "total 64.2 MB, reclaimable 9.6 MB"
    assert plot.limits()[1] > 64.2e6


def test_churn_bars_go_up_and_down_and_leave_gaps_out(qtbot: QtBot) -> None:
    plot = ChurnPlot()
    qtbot.addWidget(plot)
    stored, removed = np.full(100, 42.0), np.full(100, 31.0)
    stored[10], removed[10] = np.nan, np.nan
    plot.set_series(TIMES, stored, removed)
    up, down = plot.stored.item, plot.removed.item
    assert len(up.centres) == 99
    assert (up.boundingRect().bottom(), down.boundingRect().top()) == (42.0, -31.0)
    low, high = plot.limits()
    assert low == -high


def test_expiry_bars_start_with_stale_and_carry_their_urgency(qtbot: QtBot) -> None:
    plot = ExpiryPlot()
    qtbot.addWidget(plot)
    plot.set_counts(214, [5, 7, 9, 11], (30.0, 300.0, 3600.0, 7200.0))
    assert plot.states() == ["stale", "urgent", "urgent", "soon", "fresh"]
    assert plot.readout(0.2) == (0.0, "stale   214")
    assert plot.readout(3.0) == (3.0, "5 min to 1 h   9")
    assert plot.readout(9.0) is None


@pytest.mark.parametrize("make", [HitRatePlot, volume_plot, entries_plot, ChurnPlot, ExpiryPlot])
def test_charts_restyle_live_and_leave_the_wheel_to_the_page(
    qtbot: QtBot, qapp: QApplication, make: Callable[[], Plot]
) -> None:
    theme.apply(qapp, "light")
    plot = make()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    assert plot.accessibleName()
    light = plot.grab().toImage().pixelColor(2, 2).name().upper()
    theme.apply(qapp, "dark")
    dark = plot.grab().toImage().pixelColor(2, 2).name().upper()
    theme.apply(qapp, "light")
    assert (light, dark) == (LIGHT.surface, DARK.surface)
    before = plot.box.viewRange()
    wheel = QWheelEvent(
        QPointF(50, 50),
        QPointF(50, 50),
        QPoint(0, 120),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    plot.wheelEvent(wheel)
    assert not wheel.isAccepted()
    assert plot.box.state["mouseEnabled"] == [False, False]
    assert plot.box.viewRange() == before
