"""The table of entries: what its delegates say and draw."""

import math
from collections.abc import Callable

import pytest
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPoint, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QStandardItem, QStandardItemModel
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionViewItem, QTableView
from pytestqt.qtbot import QtBot

from cache_studio.gui.look import theme
from cache_studio.gui.look.colors import DARK, LIGHT, contrast
from cache_studio.gui.look.text import display_text
from cache_studio.gui.widgets import painting
from cache_studio.gui.widgets.cells import FigureDelegate, KeyDelegate, NoteDelegate, RowDelegate, TagDelegate
from cache_studio.gui.widgets.entry_table import EntryTableView
from cache_studio.gui.widgets.roles import Role
from cache_studio.gui.widgets.ttl_cell import TtlDelegate, pulse

HOSTILE = "<img src=x>\u202e\n\udcff"
TTLS = [65_520.0, 2528.0, 231.0, 24.0, -10_800.0, math.inf, math.nan, None]


def model_of(rows: list[dict[int, object]]) -> QStandardItemModel:
    model = QStandardItemModel(len(rows), 2)
    for at, row in enumerate(rows):
        item = QStandardItem()
        for role, value in row.items():
            item.setData(value, role)
        model.setItem(at, 0, item)
    return model


def drawn(delegate: RowDelegate, row: dict[int, object], selected: bool = False) -> QImage:
    model = model_of([row])
    picture = QImage(QSize(160, 28), QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.white)
    option = QStyleOptionViewItem()
    option.rect = picture.rect()
    option.state = QStyle.StateFlag.State_Selected if selected else QStyle.StateFlag.State_None
    painter = QPainter(picture)
    delegate.paint(painter, option, model.index(0, 0))
    painter.end()
    return picture


@pytest.mark.parametrize("ttl", TTLS)
def test_each_ttl_state_draws_its_own_pill(qtbot: QtBot, ttl: float | None) -> None:
    row: dict[int, object] = {Role.TTL: ttl, Role.TTL_SHARE: 0.5}
    others = [drawn(TtlDelegate(), {Role.TTL: other, Role.TTL_SHARE: 0.5}) for other in TTLS if other is not ttl]
    assert drawn(TtlDelegate(), row) not in others


@pytest.mark.parametrize(
    ("ttl", "words"),
    [
        (65_520.0, "18 h 12 min"),
        (-10_800.0, "stale 3 h"),
        (math.inf, "forever"),
        (math.nan, "not recorded"),
        (None, "…"),
    ],
)
def test_the_words_of_a_pill(ttl: float | None, words: str) -> None:
    assert painting.ttl_words(ttl) == words


def test_a_share_of_almost_nothing_is_still_two_pixels_wide(qtbot: QtBot) -> None:
    nothing = drawn(TtlDelegate(), {Role.TTL: 4000.0, Role.TTL_SHARE: 0.0})
    half = drawn(TtlDelegate(), {Role.TTL: 4000.0, Role.TTL_SHARE: 0.5})
    unknown = drawn(TtlDelegate(), {Role.TTL: 4000.0, Role.TTL_SHARE: math.nan})
    assert len({nothing.constBits().tobytes(), half.constBits().tobytes(), unknown.constBits().tobytes()}) == 3


def test_the_pulse_rests_with_reduced_motion_and_stays_readable(qtbot: QtBot) -> None:
    assert (pulse(0.0), pulse(1.0), pulse(2.0)) == (0.0, 1.0, 0.0)
    theme.theme().set_reduced_motion(True)
    try:
        assert pulse(1.0) == 0.0
    finally:
        theme.theme().set_reduced_motion(False)
    for colors, toward in ((LIGHT, "#000000"), (DARK, "#FFFFFF")):
        softest = painting.mix(
            painting.QColor(colors.last.ground), painting.QColor(toward), painting.PULSE_SHARE
        ).name()
        assert contrast(colors.last.text, softest) >= 4.5


@pytest.mark.parametrize("kind", [KeyDelegate, NoteDelegate, FigureDelegate, TagDelegate, TtlDelegate])
@pytest.mark.parametrize("selected", [False, True])
def test_delegates_draw_hostile_rows(qtbot: QtBot, kind: Callable[[], RowDelegate], selected: bool) -> None:
    row: dict[int, object] = {
        Qt.ItemDataRole.DisplayRole: HOSTILE * 100,
        Role.TAGS: (HOSTILE,) * 20,
        Role.PROBLEM: HOSTILE,
        Role.TTL: -1.0,
    }
    plain = QImage(QSize(160, 28), QImage.Format.Format_ARGB32)
    plain.fill(Qt.GlobalColor.white)
    assert drawn(kind(), row, selected) != plain


def test_cells_say_hostile_text_literally(qtbot: QtBot) -> None:
    model = model_of([{Qt.ItemDataRole.DisplayRole: "<img src=x>\u202e\n"}])
    assert KeyDelegate().text(model.index(0, 0)) == "<img src=x>\\u202e⏎"


def test_text_made_safe_by_the_model_is_not_changed_again(qtbot: QtBot) -> None:
    model = model_of([{Qt.ItemDataRole.DisplayRole: display_text(HOSTILE)}])
    assert KeyDelegate().text(model.index(0, 0)) == "<img src=x>\\u202e⏎\\xff"


def test_tags_without_room_are_counted(qtbot: QtBot) -> None:
    few = drawn(TagDelegate(), {Role.TAGS: ("en", "piper")})
    many = drawn(TagDelegate(), {Role.TAGS: ("en", "piper", "intro", "draft", "nova")})
    assert few != many


@pytest.fixture
def table(qtbot: QtBot) -> EntryTableView:
    view = EntryTableView()
    qtbot.addWidget(view)
    view.setModel(model_of([{Qt.ItemDataRole.DisplayRole: f"key {at}"} for at in range(50)]))
    view.model().setParent(view)
    view.resize(400, 300)
    view.show()
    qtbot.waitExposed(view)
    return view


def test_rows_have_the_height_of_the_density(table: EntryTableView) -> None:
    assert table.rowHeight(0) == 28
    theme.theme().set_density(theme.Density.COMPACT)
    assert table.rowHeight(0) == 24
    theme.theme().set_density(theme.Density.COMFORTABLE)
    assert table.horizontalHeader().height() == 32


class CellByCell(EntryTableView):
    """Drawn as Qt draws a table."""

    def paintEvent(self, event: QPaintEvent) -> None:
        QTableView.paintEvent(self, event)


def test_rows_drawn_at_once_look_as_qt_draws_them_cell_by_cell(qtbot: QtBot) -> None:
    rows: list[dict[int, object]] = [
        {Qt.ItemDataRole.DisplayRole: f"key {at}" * at, Role.TAGS: ("en", "piper"), Role.TTL: 4000.0, Role.PROBLEM: ""}
        for at in range(20)
    ]
    model, pictures = model_of(rows), []
    for kind in (EntryTableView, CellByCell):
        view = kind()
        qtbot.addWidget(view)
        view.setModel(model)
        view.setItemDelegateForColumn(1, TagDelegate(view))
        view.resize(230, 200)
        view.horizontalHeader().moveSection(1, 0)
        view.verticalScrollBar().setValue(9)
        view.hover_row = 4
        pictures.append(view.viewport().grab().toImage())
    assert pictures[0] == pictures[1]
    model.deleteLater()


def test_only_the_columns_that_changed_are_drawn(table: EntryTableView, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_columns: list[int] = []
    monkeypatch.setattr(
        RowDelegate, "draw_cell", lambda _self, _painter, _rect, at, _look, _state: drawn_columns.append(at.column())
    )
    left, width = table.columnViewportPosition(1), table.columnWidth(1)
    table.viewport().repaint(left, 0, width, table.viewport().height())
    assert set(drawn_columns) == {1}
    assert len(drawn_columns) == len(table._visible_rows())


class Remaining(QAbstractTableModel):
    """Seconds that are left, which run out without a word."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.seconds = [4000.0] * 30

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return len(self.seconds)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 2

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        return {Role.TTL: self.seconds[index.row()], Role.TTL_SHARE: 0.5}.get(role)


@pytest.fixture
def ticking(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> tuple[EntryTableView, Remaining, list[tuple[int, int]]]:
    """A table whose second column ticks, and the cells of it that are drawn from now on."""
    view = EntryTableView()
    qtbot.addWidget(view)
    model = Remaining(view)
    view.setModel(model)
    view.setItemDelegateForColumn(1, TtlDelegate(view))
    view.ticking = frozenset((1,))
    view.resize(400, 300)
    view.show()
    qtbot.waitExposed(view)
    QApplication.processEvents()
    view.viewport().repaint()
    drawn_cells: list[tuple[int, int]] = []
    monkeypatch.setattr(
        RowDelegate,
        "draw_cell",
        lambda _self, _painter, _rect, at, _look, _state: drawn_cells.append((at.row(), at.column())),
    )
    draw = TtlDelegate.draw_cell
    monkeypatch.setattr(
        TtlDelegate,
        "draw_cell",
        lambda self, painter, rect, at, look, state: (
            drawn_cells.append((at.row(), at.column())),
            draw(self, painter, rect, at, look, state),
        ),
    )
    return view, model, drawn_cells


def test_a_tick_draws_only_the_cells_that_look_otherwise(
    ticking: tuple[EntryTableView, Remaining, list[tuple[int, int]]],
) -> None:
    view, model, drawn_cells = ticking
    model.seconds = [3999.9] * 30  # "1 h 06 min", as before
    model.seconds[2] = model.seconds[5] = 3000.0
    for again in ([(2, 1), (5, 1)], []):
        view.tick()
        QApplication.processEvents()
        assert drawn_cells == again
        drawn_cells.clear()


def test_a_cell_of_which_a_part_was_drawn_is_drawn_whole_at_the_next_tick(
    ticking: tuple[EntryTableView, Remaining, list[tuple[int, int]]],
) -> None:
    view, model, drawn_cells = ticking
    model.seconds[3] = 3000.0
    top = view.rowViewportPosition(3)
    view.viewport().repaint(0, top + 20, 400, 4)
    drawn_cells.clear()
    for again in ([(3, 1)], []):
        view.tick()
        QApplication.processEvents()
        assert drawn_cells == again
        drawn_cells.clear()


def test_a_text_that_is_drawn_again_is_not_measured_again(table: EntryTableView) -> None:
    table.viewport().repaint()
    before = painting.text_width.cache_info().misses
    table.viewport().repaint()
    assert painting.text_width.cache_info().misses == before


def test_a_column_never_goes_under_its_minimum(table: EntryTableView) -> None:
    table.set_minimum_width(0, 104)
    table.setColumnWidth(0, 50)
    assert table.columnWidth(0) == 104


def test_the_selected_row_has_an_accent_edge(table: EntryTableView) -> None:
    table.selectRow(1)
    picture = table.viewport().grab().toImage()
    y = table.rowViewportPosition(1) + 14
    assert picture.pixelColor(1, y).name().upper() == theme.colors().accent
    assert picture.pixelColor(1, y + 28).name().upper() == theme.colors().surface


def test_the_row_under_the_pointer_is_known(table: EntryTableView, qtbot: QtBot) -> None:
    QTest.mouseMove(table.viewport(), QPoint(30, table.rowViewportPosition(2) + 5))
    qtbot.waitUntil(lambda: table.hover_row == 2, timeout=1000)


def test_the_table_has_names_for_screen_readers(table: EntryTableView) -> None:
    assert table.accessibleName() == "Entries"
    assert table.horizontalHeader().accessibleName() == "Columns"
    assert table.horizontalHeader().isSortIndicatorShown()
