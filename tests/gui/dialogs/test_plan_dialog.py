"""The plan dialog on a real cache: what it shows, what it removes, how it stops."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import HOSTILE, Attach, write_comparison
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QProgressBar, QWidget
from pytestqt.qtbot import QtBot

from cache_studio.gui.dialogs import plan_words
from cache_studio.gui.dialogs.plan_dialog import PlanDialog
from cache_studio.gui.dialogs.plan_lines import PlanLinesModel
from cache_studio.gui.dialogs.plan_words import figures_of, progress_words
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.buttons import DangerButton, PrimaryButton
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.plans import Outcome, Plan, Progress, Verb
from cache_studio.services import plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

Open = Callable[[Callable[[], Plan]], PlanDialog]


@pytest.fixture
def attachment(comparisons: Path, attach: Attach) -> Attachment:
    return attach(f"json-directory:{comparisons}")


@pytest.fixture
def opened(qtbot: QtBot, tasks: Tasks, studio: Studio, attachment: Attachment) -> Open:
    """Open the dialog over a window and wait for the plan, or for what it says instead."""

    window = QWidget()
    qtbot.addWidget(window)
    window.show()

    def made(make_plan: Callable[[], Plan]) -> PlanDialog:
        dialog = PlanDialog(window, tasks, studio, attachment, make_plan)
        dialog.open()
        qtbot.waitUntil(lambda: "Working out" not in words(dialog))
        return dialog

    return made


def words(widget: QWidget) -> str:
    """All labels as they are shown, in one text."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def test_a_plan_says_what_goes_and_what_stays(opened: Open, attachment: Attachment, look: str) -> None:
    dialog = opened(lambda: plans.plan_purge(attachment, time.time()))
    shown = words(dialog)
    assert "Purge 5 stale entries from comparisons?" in shown
    assert "What stays" in shown
    assert "7 entries, " in shown
    assert "An entry that changes before its turn is kept and reported." in shown
    assert "Can be undone for 30 days" in shown
    assert isinstance(dialog.action_button, PrimaryButton)
    assert dialog.action_button.text() == "Purge 5 entries"
    assert dialog.focusWidget() is dialog.cancel_button


def test_purging_removes_closes_and_tells(
    qtbot: QtBot, opened: Open, attachment: Attachment, comparisons: Path
) -> None:
    dialog = opened(lambda: plans.plan_purge(attachment, time.time()))
    assert dialog.action_button is not None
    with qtbot.waitSignal(dialog.finished_action) as told:
        dialog.action_button.click()
    assert told.args is not None
    outcome = told.args[0]
    assert isinstance(outcome, Outcome)
    assert (outcome.removed, len(list(comparisons.glob("*.json")))) == (5, 7)
    assert outcome.undo_id
    assert not dialog.isVisible()


def test_an_entry_that_changed_meanwhile_stays_and_is_told(
    qtbot: QtBot, opened: Open, attachment: Attachment, comparisons: Path
) -> None:
    attachment.pause(True)
    plan = plans.plan_purge(attachment, time.time())
    write_comparison(comparisons, "stale 2", 10, "a newer value")
    dialog = opened(lambda: plan)
    assert dialog.action_button is not None
    with qtbot.waitSignal(dialog.finished_action) as told:
        dialog.action_button.click()
    assert told.args is not None
    assert (told.args[0].removed, told.args[0].changed_meanwhile) == (4, 1)


def test_cancel_removes_nothing(qtbot: QtBot, opened: Open, attachment: Attachment, comparisons: Path) -> None:
    dialog = opened(lambda: plans.plan_clear(attachment, None, time.time()))
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert len(list(comparisons.glob("*.json"))) == 12


def test_an_empty_plan_says_there_is_nothing_to_do(opened: Open, attachment: Attachment) -> None:
    dialog = opened(lambda: plans.plan_evict(attachment, "lru", time.time(), to_entries=100))
    assert "Nothing to do" in words(dialog)
    assert "comparisons is within the limit already." in words(dialog)
    assert dialog.action_button is None


def test_a_refusal_stands_in_the_dialog(opened: Open) -> None:
    def refused() -> Plan:
        raise UnsupportedAction("The cache is read-only.", "Attach it for writing.")

    assert "The cache is read-only. Attach it for writing." in words(opened(refused))


def test_without_undo_the_name_is_asked_for(opened: Open, attachment: Attachment) -> None:
    plan = replace(plans.plan_clear(attachment, None, time.time()), no_undo="It cannot be put back.")
    dialog = opened(lambda: plan)
    assert isinstance(dialog.action_button, DangerButton)
    assert not dialog.action_button.isEnabled()
    dialog.name_line.setText("another")
    assert not dialog.action_button.isEnabled()
    dialog.name_line.setText("comparisons")
    assert dialog.action_button.isEnabled()
    assert "This cannot be undone. It cannot be put back." in words(dialog)


def test_stop_ends_before_the_next_batch(qtbot: QtBot, opened: Open, attachment: Attachment) -> None:
    """Stop is pressed before the first batch: the attachment is kept busy until then."""
    plan, release = plans.plan_clear(attachment, None, time.time()), threading.Event()
    dialog = opened(lambda: plan)
    assert dialog.action_button is not None
    attachment.call(lambda adapter: release.wait(10))
    with qtbot.waitSignal(dialog.finished_action) as told:
        dialog.action_button.click()
        assert dialog.findChild(QProgressBar) is not None
        dialog.reject()
        release.set()
    assert told.args is not None
    assert told.args[0].removed < 12
    assert told.args[0].stopped


def test_all_lines_of_a_plan_keep_the_rules_of_models(attachment: Attachment) -> None:
    model = PlanLinesModel(figures_of(plans.plan_clear(attachment, None, time.time())))
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert model.rowCount() == 8
    model.show_all()
    assert model.rowCount() == 12
    keys = [str(model.index(row, 0).data()) for row in range(12)]
    assert all("\u202e" not in key for key in keys)
    sizes = [model._plan.view.numbers["size"][row] for row in model._rows]
    assert sizes == sorted(sizes, reverse=True)


def test_hostile_names_are_shown_as_text(opened: Open, attachment: Attachment) -> None:
    plan = replace(plans.plan_clear(attachment, None, time.time()), cache_name=HOSTILE)
    shown = words(opened(lambda: plan))
    assert "<img src=x onerror=alert(1)>\\u202etxt.exe" in shown


def test_what_frees_nothing_now_does_not_promise_it(opened: Open, attachment: Attachment) -> None:
    plan = plans.plan_clear(attachment, None, time.time())
    assert "Clearing frees" in words(opened(lambda: plan))
    shown = words(opened(lambda: replace(plan, frees_at_once=False)))
    assert "frees" not in shown
    assert "Freed" not in shown
    assert "Together they take" in shown
    assert "freed" not in progress_words(Progress(1, 2))
    assert "1.5 kB freed" in progress_words(Progress(1, 2, 1, 1_500))


@pytest.mark.parametrize(
    ("progress", "seconds", "left"),
    [
        (Progress(0, 100), 9.0, ""),
        (Progress(50, 100), 0.1, ""),
        (Progress(50, 100), 2.0, "about 2 s left"),
        (Progress(1, 100), 6.0, "about 10 min left"),
        (Progress(100, 100), 9.0, ""),
    ],
)
def test_time_left_is_no_guess(progress: Progress, seconds: float, left: str) -> None:
    assert plan_words.left_words(progress, seconds) == left


def test_every_removing_verb_has_words() -> None:
    done_without_a_plan = {Verb.COMPACT, Verb.TTL, Verb.RENAME, Verb.FLUSH, Verb.UNDO}
    assert set(plan_words.WORDS) == set(Verb) - done_without_a_plan
