"""The whole window on real caches: attach, act, undo, detach, close."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QUrl
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from cache_studio.gui.actions import ACTIONS, TOOLBAR, shortcut_lines
from cache_studio.gui.attach_dialog import AttachDialog
from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.dialogs.plan_dialog import PlanDialog
from cache_studio.gui.dock.detail_dock import DetailDock
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.messages import BugReporter, report_text
from cache_studio.gui.start_page import targets_of
from cache_studio.gui.widgets.bars import NoticeBar, UndoBar
from cache_studio.model.errors import CacheStudioError
from cache_studio.services.standing import News, Phase


def attached(qtbot: QtBot, window: MainWindow, target: str, entries: int = 12) -> CachePage:
    """Attach a target and wait until it is listed."""
    with qtbot.waitSignal(window.page_shown, timeout=20_000):
        window.attach_all([target])
        assert window.status.currentMessage().startswith("Attaching ")
    assert window.status.currentMessage() == ""
    page = window.current_page()
    assert page is not None
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == entries, timeout=20_000)
    qtbot.waitUntil(lambda: page.entries.figures is not None, timeout=20_000)
    return page


def the_open_plan(qtbot: QtBot) -> PlanDialog:
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), PlanDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, PlanDialog)
    qtbot.waitUntil(lambda: dialog.action_button is not None, timeout=10_000)
    return dialog


def test_the_first_page_says_what_to_do(window: MainWindow) -> None:
    assert window.current_page() is None
    assert not window.panel.isVisible()
    assert window.action_set["attach"].isEnabled()
    assert not window.action_set["purge"].isEnabled()
    assert "No cache is attached" in window.action_set["purge"].toolTip()


class Styled(QObject):
    """Counts how often each widget is told that its style is another one."""

    def __init__(self) -> None:
        super().__init__()
        self.times: Counter[int] = Counter()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.StyleChange:
            self.times[id(watched)] += 1
        return False


def test_a_page_is_not_styled_anew_with_each_part_that_is_put_into_it(
    qtbot: QtBot, window: MainWindow, comparisons: Path
) -> None:
    styled = Styled()
    app = QApplication.instance()
    assert app is not None
    app.installEventFilter(styled)
    try:
        page = attached(qtbot, window, f"json-directory:{comparisons}")
    finally:
        app.removeEventFilter(styled)
    widgets = [page, *page.findChildren(QWidget)]
    assert len(widgets) > 50
    assert sum(styled.times[id(widget)] for widget in widgets) < 2 * len(widgets)


def test_the_content_of_the_dock_is_made_before_a_cache_is_attached(qtbot: QtBot, window: MainWindow) -> None:
    window.dock.prepare()
    assert window.dock.findChildren(DetailDock) == []  # it is closed here
    window.dock.set_wanted(True)
    window.dock.prepare()
    assert len(window.dock.findChildren(DetailDock)) == 1
    assert not window.dock.isVisible()


def test_the_bars_of_a_page_are_made_when_they_have_something_to_say(
    qtbot: QtBot, window: MainWindow, comparisons: Path
) -> None:
    page = attached(qtbot, window, f"json-directory:{comparisons}")
    page.entries.hide_bar()
    assert page.findChildren(UndoBar) == []
    assert page.findChildren(NoticeBar) == []
    page.entries.show_bar("Done", can_undo=True)
    page.entries.failed.emit(CacheStudioError("It went wrong"))
    qtbot.waitUntil(lambda: page.entries.undo_bar.isVisible() and page.notice.isVisible())
    assert page.notice.geometry().top() == page.header.geometry().bottom() + 1
    page.notice.button.click()
    page.entries.hide_bar()
    assert not page.notice.isVisible()
    assert not page.entries.undo_bar.isVisible()


def test_purge_and_undo(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    page = attached(qtbot, window, f"json-directory:{comparisons}")
    assert window.action_set["purge"].text() == "Purge stale (5)"
    window.action_set["purge"].trigger()
    dialog = the_open_plan(qtbot)
    assert dialog.action_button is not None
    dialog.action_button.click()
    qtbot.waitUntil(page.entries.undo_bar.isVisible, timeout=10_000)
    assert page.entries.undo_bar.accessibleName().startswith("Purged 5 entries")
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 7, timeout=10_000)
    assert len(list(comparisons.glob("*.json"))) == 7
    window.action_set["undo"].trigger()
    qtbot.waitUntil(lambda: page.entries.undo_bar.accessibleName() == "Brought back 5 entries.", timeout=10_000)
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 12, timeout=10_000)
    assert len(list(comparisons.glob("*.json"))) == 12


def test_invalidate_takes_the_selected_rows_else_the_expression(
    qtbot: QtBot, window: MainWindow, comparisons: Path
) -> None:
    page = attached(qtbot, window, f"json-directory:{comparisons}")
    page.entries.table.selectRow(0)
    window.action_set["invalidate"].trigger()
    dialog = the_open_plan(qtbot)
    assert dialog.action_button is not None
    assert "1 " in dialog.action_button.text()
    dialog.reject()
    page.entries.table.clearSelection()
    page.entries.set_expression("fresh")
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 7)
    window.action_set["invalidate"].trigger()
    dialog = the_open_plan(qtbot)
    assert dialog.action_button is not None
    assert "7 " in dialog.action_button.text()
    dialog.reject()
    assert len(list(comparisons.glob("*.json"))) == 12


def test_nothing_to_undo_is_said(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    attached(qtbot, window, f"json-directory:{comparisons}")
    window.action_set["undo"].trigger()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), QMessageBox))
    box = QApplication.activeModalWidget()
    assert isinstance(box, QMessageBox)
    assert "nothing to undo" in box.text()
    box.close()


def test_a_missing_target_is_one_sentence(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    with qtbot.waitSignal(window.controller.refused, timeout=10_000) as told:
        window.attach_all([str(tmp_path / "nowhere")])
        assert window.status.currentMessage().startswith("Attaching ")
    assert window.status.currentMessage() == ""
    assert "nothing at" in told.args[1].message
    box = QApplication.activeModalWidget()
    assert isinstance(box, QMessageBox)
    box.close()
    assert window.current_page() is None


def test_the_trash_page_restores_and_leads_back(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    page = attached(qtbot, window, f"json-directory:{comparisons}")
    window.action_set["purge"].trigger()
    dialog = the_open_plan(qtbot)
    assert dialog.action_button is not None
    dialog.action_button.click()
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 7, timeout=10_000)
    window.action_set["show_trash"].trigger()
    trash = window.trash.page
    assert trash is not None
    qtbot.waitUntil(lambda: trash.waiting.rowCount() == 5)
    assert window.current_page() is None
    assert not window.action_set["undo"].isEnabled()
    trash.table.selectRow(0)
    trash.restore_button.click()
    qtbot.waitUntil(lambda: trash.waiting.rowCount() == 4, timeout=10_000)
    trash.back_button.click()
    assert window.current_page() is page
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 8, timeout=10_000)


def test_read_only_can_be_switched(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    page = attached(qtbot, window, f"json-directory:{comparisons}")
    page.entries.set_expression("stale")
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 5)
    with qtbot.waitSignal(window.page_shown, timeout=20_000):
        window.action_set["allow_changes"].trigger()
    again = window.current_page()
    assert again is not None
    assert again is not page
    qtbot.waitUntil(lambda: again.entries.table.entries.rowCount() == 5, timeout=10_000)
    qtbot.waitUntil(lambda: not window.action_set["purge"].isEnabled())
    assert again.header._read_only.isVisible()
    assert "read-only" in window.action_set["purge"].toolTip()
    assert not window.action_set["allow_changes"].isChecked()


def test_a_page_off_screen_rests_and_tells_how_things_are_when_it_is_back(
    qtbot: QtBot, window: MainWindow, comparisons: Path
) -> None:
    page = attached(qtbot, window, f"json-directory:{comparisons}")
    window.action_set["show_trash"].trigger()
    assert not page._clock.isActive()
    page.attachment.pause(True)
    qtbot.waitUntil(lambda: page.attachment.standing.phase is Phase.PAUSED, timeout=10_000)
    page.hear(News.PHASE)
    assert not page.header._live.text().startswith("paused")
    trash = window.trash.page
    assert trash is not None
    trash.back_button.click()
    assert page._clock.isActive()
    assert page.header._live.text().startswith("paused")


def test_detach_goes_back_to_the_start(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    attached(qtbot, window, f"json-directory:{comparisons}")
    window.action_set["detach"].trigger()
    assert window.current_page() is None
    assert window.controller.attachments == []
    qtbot.waitUntil(lambda: [one.name for one in window.places.recent_places()] == ["comparisons"], timeout=10_000)


def test_the_attach_dialog_makes_a_form_of_the_options(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    dialog = AttachDialog(window, window.controller, str(comparisons))
    dialog.open()
    qtbot.waitUntil(lambda: dialog.proposals.count() > 0, timeout=20_000)
    assert dialog.form.values()["created"] == "timestamp"
    dialog.form.field("ttl").setText("nonsense")  # type: ignore[union-attr]
    dialog.attach.click()
    assert "ttl" in dialog.message.text()
    dialog.form.field("ttl").setText("1h")  # type: ignore[union-attr]
    dialog.name.setText("my comparisons")
    dialog.read_only.setChecked(True)
    with qtbot.waitSignal(dialog.decided) as told:
        dialog.attach.click()
    place = told.args[0]
    assert (place.name, place.writable, place.options["ttl"]) == ("my comparisons", False, 3600)


def test_the_attach_dialog_says_what_is_wrong(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    dialog = AttachDialog(window, window.controller, str(tmp_path / "nowhere"))
    dialog.open()
    qtbot.waitUntil(lambda: "nothing at" in dialog.message.text(), timeout=10_000)
    assert not dialog.attach.isEnabled()
    dialog.reject()


def test_the_attach_dialog_forgets_what_was_found_when_nothing_is_written(
    qtbot: QtBot, window: MainWindow, comparisons: Path
) -> None:
    dialog = AttachDialog(window, window.controller, str(comparisons))
    dialog.open()
    qtbot.waitUntil(dialog.attach.isEnabled, timeout=20_000)
    dialog.target.clear()
    dialog.target.textEdited.emit("")
    qtbot.waitUntil(lambda: dialog.proposals.count() == 0, timeout=10_000)
    assert not dialog.attach.isEnabled()
    assert dialog.form.values() == {}
    assert "choose a file" in dialog.message.text()
    dialog.reject()


def test_dropped_things_name_targets() -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/a/b.db"), QUrl("redis://localhost:6379/0")])
    assert targets_of(data) == ["/a/b.db", "redis://localhost:6379/0"]
    text = QMimeData()
    text.setText("redis://localhost\nno target\n")
    assert targets_of(text) == ["redis://localhost"]


def test_the_table_of_actions_is_sound(window: MainWindow) -> None:
    names = [spec.name for spec in ACTIONS]
    assert len(set(names)) == len(names)
    assert {name for group in TOOLBAR for name in group} <= set(names)
    keys = [spec.shortcut for spec in ACTIONS if spec.shortcut]
    assert len(set(keys)) == len(keys)
    assert ("Refresh", "F5") in shortcut_lines()
    assert all(window.action_set[name].text() for name in names)


def test_a_bug_opens_one_report_and_the_work_goes_on(qtbot: QtBot, expect_log: object) -> None:
    expect_log("a bug")  # type: ignore[operator]
    reporter = BugReporter()
    error = ValueError("not ours to tell")
    reporter.report(error)
    reporter.report(error)
    assert reporter.box is not None
    assert "ValueError" in report_text(error)
    reporter.box.reject()
    assert reporter.box is None


@pytest.mark.parametrize("tab", [0, 2])
def test_a_window_ends_all_threads_on_any_tab(qtbot: QtBot, window: MainWindow, comparisons: Path, tab: int) -> None:
    page = attached(qtbot, window, f"json-directory:{comparisons}")
    page.show_tab(tab)
    assert page.tab == tab
