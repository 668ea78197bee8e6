"""The command palette: found by words, moved in by keys, done after it has closed."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from cache_studio.gui.dialogs.palette_dialog import PaletteDialog


@pytest.fixture
def actions(qtbot: QtBot) -> list[QAction]:
    """Three actions, the second not possible."""
    made = [QAction(words) for words in ("&Attach", "Purge stale (3)", "Evict…")]
    made[1].setEnabled(False)
    made[2].setShortcut("Ctrl+E")
    return made


def shown(dialog: PaletteDialog) -> list[list[str]]:
    items = [dialog.list.topLevelItem(at) for at in range(dialog.list.topLevelItemCount())]
    return [[item.text(0), item.text(1)] for item in items if item is not None and not item.isHidden()]


def opened(qtbot: QtBot, actions: list[QAction]) -> PaletteDialog:
    dialog = PaletteDialog(None, list(zip(actions, ("", "No entry is stale.", ""), strict=True)))
    qtbot.addWidget(dialog)
    dialog.open()
    return dialog


def test_all_are_listed_with_their_keys_or_the_reason_why_not(qtbot: QtBot, actions: list[QAction]) -> None:
    dialog = opened(qtbot, actions)
    assert shown(dialog) == [["Attach", ""], ["Purge stale (3)", "No entry is stale."], ["Evict", "Ctrl+E"]]


def test_words_in_any_order_and_case_find_an_action(qtbot: QtBot, actions: list[QAction]) -> None:
    dialog = opened(qtbot, actions)
    qtbot.keyClicks(dialog.search, "STALE pur")
    assert [row[0] for row in shown(dialog)] == ["Purge stale (3)"]
    assert dialog.list.currentItem() is None
    qtbot.keyClicks(dialog.search, "x")
    assert shown(dialog) == []
    assert dialog.none.isVisible()


def test_the_chosen_action_is_done_after_the_dialog_has_closed(qtbot: QtBot, actions: list[QAction]) -> None:
    dialog = opened(qtbot, actions)
    visible: list[bool] = []
    actions[2].triggered.connect(lambda _checked: visible.append(dialog.isVisible()))
    qtbot.keyClick(dialog.search, Qt.Key.Key_Down)  # over the one that is not possible
    with qtbot.waitSignal(actions[2].triggered):
        qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert visible == [False]


def test_nothing_is_done_where_nothing_fits(qtbot: QtBot, actions: list[QAction]) -> None:
    dialog = opened(qtbot, actions)
    qtbot.keyClicks(dialog.search, "purge")
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.isVisible()
