"""Chips, facets, search, segments, bars and buttons: what they say, how the keyboard reaches them."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from cache_studio.gui.look import theme
from cache_studio.gui.look.colors import DARK, LIGHT
from cache_studio.gui.widgets.bars import BusyLine, EmptyState, NoticeBar, StateDot, UndoBar
from cache_studio.gui.widgets.buttons import DangerButton, IconButton, LinkButton, PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.chips import Chip, ConditionChip, ToggleChip
from cache_studio.gui.widgets.facets import Facet, FacetGroup
from cache_studio.gui.widgets.search_box import SearchBox
from cache_studio.gui.widgets.segmented import SegmentedButtons
from cache_studio.gui.widgets.tabs import PageTabs

HOSTILE = "<img src=x>\u202e"
SAFE = "<img src=x>\\u202e"


@pytest.mark.parametrize(
    "make",
    [
        lambda: PrimaryButton("Purge 312 entries"),
        lambda: DangerButton("Clear 97 entries"),
        lambda: SecondaryButton("Stop", "stop"),
        lambda: LinkButton("Show all"),
        lambda: IconButton("copy", "Copy the key"),
        lambda: Chip("stale", 312),
        lambda: ToggleChip("forever"),
        lambda: ConditionChip("ns:tts"),
        lambda: PageTabs("Views", ("Entries", "Dashboard")),
    ],
)
def test_controls_have_a_name_and_a_way_by_keyboard(qtbot: QtBot, make: Callable[[], QWidget]) -> None:
    control = make()
    qtbot.addWidget(control)
    assert control.accessibleName()
    assert control.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_chips_say_their_count_and_answer_the_keyboard(qtbot: QtBot) -> None:
    chip = Chip("stale", 48_310)
    qtbot.addWidget(chip)
    width = chip.sizeHint().width()
    assert chip.accessibleName() == "stale 48,310"
    chip.set_count(None)
    assert chip.sizeHint().width() < width
    with qtbot.waitSignal(chip.clicked):
        qtbot.keyClick(chip, Qt.Key.Key_Space)


def test_delete_takes_a_condition_away(qtbot: QtBot) -> None:
    chip = ConditionChip(HOSTILE)
    qtbot.addWidget(chip)
    assert chip.accessibleName() == f"Remove condition {SAFE}"
    with qtbot.waitSignal(chip.clicked):
        qtbot.keyClick(chip, Qt.Key.Key_Delete)


def test_facets_keep_what_is_chosen_when_figures_change(qtbot: QtBot) -> None:
    group = FacetGroup("Namespaces")
    qtbot.addWidget(group)
    group.set_facets([Facet("tts", 1204, 3.2e6), Facet("image", 47_106, 388e6)])
    with qtbot.waitSignal(group.chosen_changed) as caught:
        qtbot.mouseClick(group.rows()[0], Qt.MouseButton.LeftButton)
    assert caught.args == [frozenset({"tts"})]
    group.set_facets([Facet("image", 47_107), Facet(HOSTILE, 1), Facet("tts", 1203)])
    assert group.chosen() == {"tts"}
    assert group.rows()[1].accessibleName().startswith(SAFE)
    group.set_facets([Facet("image")])
    assert [row.facet.name for row in group.rows()] == ["image"]
    assert group.chosen() == frozenset()


def test_a_group_can_be_folded(qtbot: QtBot) -> None:
    group = FacetGroup("Tags")
    qtbot.addWidget(group)
    group.set_facets([Facet("en")])
    group.show()
    qtbot.keyClick(group._header, Qt.Key.Key_Space)
    assert not group.rows()[0].isVisible()


def test_search_tells_what_is_typed_and_forgets_the_problem(qtbot: QtBot) -> None:
    box = SearchBox()
    qtbot.addWidget(box)
    box.show()
    box.set_text("size>100q")
    box.set_colors([(0, 5, "accent"), (5, 9, "stale")])
    box.set_problem(f"{HOSTILE} is no size.", (5, 9))
    box.grab()
    assert box.problem() == f"{SAFE} is no size."
    assert box.edit.accessibleDescription() == box.problem()
    with qtbot.waitSignal(box.text_edited) as caught:
        qtbot.keyClick(box.edit, Qt.Key.Key_Backspace)
    assert caught.args == ["size>100"]
    assert box.problem() == ""
    with qtbot.waitSignal(box.submitted):
        qtbot.keyClick(box.edit, Qt.Key.Key_Return)
    with qtbot.waitSignal(box.left_down):
        qtbot.keyClick(box.edit, Qt.Key.Key_Down)
    with qtbot.waitSignal(box.text_edited):
        qtbot.keyClick(box.edit, Qt.Key.Key_Escape)
    assert box.text() == ""


def ink(box: SearchBox) -> set[str]:
    picture = box.edit.grab().toImage()
    return {picture.pixelColor(x, y).name().upper() for x in range(60) for y in range(picture.height())}


def test_colours_of_an_expression_follow_the_theme_and_go_with_the_text(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    box = SearchBox()
    qtbot.addWidget(box)
    box.resize(500, 40)
    box.set_text("ns|||:tts")
    box.set_colors([(0, 5, "accent")])
    assert LIGHT.accent in ink(box)
    theme.apply(qapp, "dark")
    assert DARK.accent in ink(box)
    theme.apply(qapp, "light")
    box.set_text("ns|||:tts")
    assert LIGHT.accent not in ink(box)


def test_segments_move_by_arrow_and_skip_what_is_not_available(qtbot: QtBot) -> None:
    ranges = SegmentedButtons("Range", ("5 min", "1 h", "24 h"))
    qtbot.addWidget(ranges)
    ranges.set_available("1 h", False)
    with qtbot.waitSignal(ranges.chosen) as caught:
        qtbot.keyClick(ranges, Qt.Key.Key_Right)
    assert caught.args == ["24 h"]
    with qtbot.assertNotEmitted(ranges.chosen):
        ranges.choose("5 min")
    assert ranges.current() == "5 min"


def test_the_undo_bar_offers_undo_only_where_it_is_possible(qtbot: QtBot) -> None:
    bar = UndoBar()
    qtbot.addWidget(bar)
    bar.show_done(f"Purged {HOSTILE}")
    assert bar.accessibleName() == f"Purged {SAFE}"
    with qtbot.waitSignal(bar.undo_requested):
        qtbot.mouseClick(bar._undo, Qt.MouseButton.LeftButton)
    bar.show_final("Cleared 97 entries")
    assert not bar._undo.isVisible()
    with qtbot.waitSignal(bar.dismissed):
        qtbot.mouseClick(bar._close, Qt.MouseButton.LeftButton)
    assert bar.isHidden()


def test_a_long_sentence_of_the_undo_bar_says_that_it_goes_on(qtbot: QtBot) -> None:
    bar = UndoBar()
    qtbot.addWidget(bar)
    bar.resize(400, 40)
    bar.show_done(
        "Invalidated 5 entries. 1 is there again: an application stored it anew, or the removal had no effect."
    )
    qtbot.waitUntil(lambda: bar._text.text().endswith("…"))
    assert bar._text.text().startswith("Invalidated 5 entries.")
    assert bar.accessibleName().endswith("no effect.")
    bar.resize(1_600, 40)
    qtbot.waitUntil(lambda: bar._text.text() == bar.accessibleName())


def test_a_notice_says_message_and_hint_literally(qtbot: QtBot) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    bar.show_problem(HOSTILE, "Start the server.")
    assert bar.accessibleName() == f"{SAFE} Start the server."
    assert {label.textFormat() for label in bar.findChildren(QLabel) if label.text()} == {Qt.TextFormat.PlainText}
    with qtbot.waitSignal(bar.retry_requested):
        qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)


def test_an_empty_state_has_one_sentence_and_at_most_one_button(qtbot: QtBot) -> None:
    empty = EmptyState("No cache attached", "Attach")
    qtbot.addWidget(empty)
    empty.show()
    with qtbot.waitSignal(empty.acted):
        qtbot.mouseClick(empty.button, Qt.MouseButton.LeftButton)
    empty.set_text(f"{HOSTILE}: 0 of 48,310")
    assert empty.accessibleName() == f"{SAFE}: 0 of 48,310"
    assert not empty.button.isVisible()


def test_the_busy_line_runs_only_while_it_is_needed(qtbot: QtBot) -> None:
    line = BusyLine()
    qtbot.addWidget(line)
    line.resize(200, 2)
    line.show()
    assert not line._timer.isActive()
    line.set_busy(True)
    assert line._timer.isActive()
    line.set_busy(True, 0.5)
    assert not line._timer.isActive()
    picture = line.grab().toImage()
    accent = theme.colors().accent
    assert picture.pixelColor(20, 0).name().upper() == accent
    assert picture.pixelColor(180, 0).name().upper() != accent
    line.set_busy(False)
    assert not line.isVisible()


def test_the_busy_line_does_not_have_drawn_anew_what_lies_below(qtbot: QtBot) -> None:
    class Ground(QWidget):
        paints = 0

        def paintEvent(self, event: QPaintEvent) -> None:
            self.paints += 1

    ground = Ground()
    qtbot.addWidget(ground)
    line = BusyLine(ground)
    line.setGeometry(0, 0, 200, 2)
    ground.resize(200, 100)
    ground.show()
    line.set_busy(True)
    qtbot.waitUntil(lambda: ground.paints > 0 and line._phase > 0)
    before, phase = ground.paints, line._phase
    qtbot.waitUntil(lambda: line._phase > phase + 0.1)
    assert ground.paints == before


def test_dots_follow_the_theme(qtbot: QtBot, qapp: QApplication) -> None:
    dot = StateDot("fresh")
    qtbot.addWidget(dot)
    theme.apply(qapp, "light")
    light = dot.grab().toImage().pixelColor(4, 4)
    theme.apply(qapp, "dark")
    dark = dot.grab().toImage().pixelColor(4, 4)
    theme.apply(qapp, "light")
    assert light != dark
