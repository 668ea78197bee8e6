"""Dialogs that ask: evict, clear, compact, export, snapshot, settings, shortcuts; over real caches."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import HOSTILE, Attach, write_asset, write_comparison
from PySide6.QtWidgets import QDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from cache_studio.config.settings import Settings
from cache_studio.gui.actions import shortcut_lines
from cache_studio.gui.dialogs.clear_dialog import ClearDialog
from cache_studio.gui.dialogs.compact_dialog import CompactDialog
from cache_studio.gui.dialogs.evict_dialog import EvictDialog
from cache_studio.gui.dialogs.export_dialog import ExportDialog
from cache_studio.gui.dialogs.settings_dialog import SettingsDialog
from cache_studio.gui.dialogs.shortcuts_dialog import ShortcutsDialog
from cache_studio.gui.dialogs.snapshot_dialog import SnapshotDialog
from cache_studio.gui.tasks import Tasks
from cache_studio.insights.policies import POLICIES
from cache_studio.model.errors import BadRequest
from cache_studio.model.plans import CompactOutcome
from cache_studio.services.attachment import Attachment
from cache_studio.services.browse import Listing, list_entries
from cache_studio.services.exporting import snapshot, write_snapshot
from cache_studio.services.ordering import Sort
from cache_studio.services.studio import Studio


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    made = QWidget()
    qtbot.addWidget(made)
    made.show()
    yield made
    for dialog in made.findChildren(QDialog):
        dialog.reject()


@pytest.fixture
def attachment(comparisons: Path, attach: Attach) -> Attachment:
    return attach(f"json-directory:{comparisons}")


@pytest.fixture
def assets(tmp_path: Path, attach: Attach) -> Attachment:
    """Six entries in two namespaces, and a value file that no row knows."""
    folder = tmp_path / "assets"
    for number in range(6):
        write_asset(folder, f"step {number}", "tts" if number % 3 else "image", os.urandom(20_000))
    orphan = folder / "image" / f"{'0f' * 32}.png"
    orphan.write_bytes(bytes(5000))
    os.utime(orphan, (1, 1))
    return attach(f"asset-cache:{folder}")


def words(widget: QWidget) -> str:
    """All labels as they are shown, in one text."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def listing(attachment: Attachment, studio: Studio, expression: str) -> Listing:
    return list_entries(attachment, expression, Sort(), time.time(), studio.reader)


def test_evict_foretells_what_would_go(qtbot: QtBot, window: QWidget, attachment: Attachment, look: str) -> None:
    dialog = EvictDialog(window, attachment)
    dialog.open()
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    assert dialog.choice() == ("lru", 6, None)
    assert dialog.foretold().startswith("6 entries would go, ")
    assert "Last access is not recorded" in dialog.foretold()
    dialog.entries.setValue(100)
    qtbot.waitUntil(lambda: dialog.foretold().startswith("Nothing would go"))
    assert not dialog.accept_button.isEnabled()
    assert all(meaning in words(dialog) for meaning in POLICIES.values())
    assert dialog.focusWidget() is dialog.cancel_button


def test_evict_to_a_size_says_what_is_wrong_with_it(qtbot: QtBot, window: QWidget, attachment: Attachment) -> None:
    dialog = EvictDialog(window, attachment)
    dialog.open()
    dialog.size_line.setText("50 parsecs")
    dialog.size_line.textEdited.emit("50 parsecs")
    qtbot.waitUntil(lambda: "size" in dialog.foretold())
    assert not dialog.accept_button.isEnabled()
    with pytest.raises(BadRequest):
        dialog.choice()
    dialog.size_line.setText("1.5 kB")
    dialog.size_line.textEdited.emit("1.5 kB")
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    assert dialog.choice() == ("lru", None, 1500)


def test_clear_asks_for_all_or_a_namespace(qtbot: QtBot, window: QWidget, assets: Attachment) -> None:
    dialog = ClearDialog(window, assets)
    dialog.open()
    qtbot.waitUntil(dialog.one.isEnabled)
    assert dialog.namespace() is None
    assert dialog.whole.text().startswith("The whole cache: 6 entries, ")
    row = next(at for at in range(dialog.names.count()) if dialog.names.itemText(at).startswith("tts: 4 entries"))
    dialog.names.setCurrentIndex(row)
    dialog.names.activated.emit(row)
    assert dialog.namespace() == "tts"


def test_compact_says_before_and_after(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, assets: Attachment
) -> None:
    dialog = CompactDialog(window, tasks, studio, assets)
    dialog.open()
    qtbot.waitUntil(lambda: "Looking" not in words(dialog))
    assert dialog.action_button is not None
    assert dialog.action_button.text() == "Compact 5.0 kB"
    with qtbot.waitSignal(dialog.finished_action) as told:
        dialog.action_button.click()
    assert told.args is not None
    assert isinstance(told.args[0], CompactOutcome)
    assert "5.0 kB given back" in words(dialog)
    assert " before, " in words(dialog)
    assert studio.trash.actions(1)[0].verb == "compact"


def test_compact_refused_says_why(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, comparisons: Path, attach: Attach
) -> None:
    dialog = CompactDialog(window, tasks, studio, attach(f"json-directory:{comparisons}", read_only=True))
    dialog.open()
    qtbot.waitUntil(lambda: "This cannot be done now" in words(dialog))
    assert dialog.action_button is None


def test_export_writes_what_is_shown(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, attachment: Attachment, tmp_path: Path
) -> None:
    shown = listing(attachment, studio, "stale")
    dialog = ExportDialog(window, tasks, studio, attachment, shown, [int(shown.rows[0])])
    dialog.open()
    assert [dialog.scope.itemText(at) for at in range(3)] == [
        "The entries shown: 5", "The selected entries: 1", "All entries: 12",
    ]  # fmt: skip
    assert not dialog.export_button.isEnabled()
    path = tmp_path / "out.json"
    dialog.file.edit.setText(str(path))
    dialog.export_button.click()
    qtbot.waitUntil(lambda: "Exported" in words(dialog))
    keys = {entry["key"] for entry in json.loads(path.read_text())}
    assert HOSTILE in keys
    assert len(keys) == 5


def test_export_masks_what_looks_like_a_credential_unless_asked(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, comparisons: Path, attach: Attach, tmp_path: Path
) -> None:
    secret = "sk-" + "a1" * 12
    write_comparison(comparisons, secret, 60)
    attachment = attach(f"json-directory:{comparisons}")
    for as_it_is in (False, True):
        path = tmp_path / f"{as_it_is}.json"
        dialog = ExportDialog(window, tasks, studio, attachment, listing(attachment, studio, ""))
        dialog.open()
        dialog.show_secrets.setChecked(as_it_is)
        dialog.file.edit.setText(str(path))
        dialog.export_button.click()
        qtbot.waitUntil(lambda dialog=dialog: "Exported" in words(dialog))
        assert ("Masked: 1 text that looks" in words(dialog)) is not as_it_is
        assert (secret in path.read_text()) is as_it_is
        dialog.accept()


def test_export_keeps_a_file_that_nobody_agreed_to_replace(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, attachment: Attachment, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    dialog = ExportDialog(window, tasks, studio, attachment, listing(attachment, studio, ""))
    dialog.open()
    dialog.format.setCurrentIndex(2)
    dialog.file.edit.setText(str(path))
    dialog.export_button.click()
    qtbot.waitUntil(lambda: "exists already" in words(dialog))
    assert path.read_text() == "mine"
    dialog.file.edit.setText(str(tmp_path / "other.csv"))
    dialog.export_button.click()
    qtbot.waitUntil(lambda: "Exported" in words(dialog))
    assert (tmp_path / "other.csv").read_text().startswith("key,namespace")


@pytest.mark.parametrize(("name", "start"), [("JSON", "{"), ("CSV", "figure"), ("Markdown", "# "), ("HTML", "<!")])
def test_a_snapshot_is_saved_in_each_format(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, attachment: Attachment, tmp_path: Path,
    name: str, start: str,
) -> None:  # fmt: skip
    dialog = SnapshotDialog(window, tasks, studio, attachment)
    dialog.open()
    dialog.formats.choose(name)
    path = tmp_path / f"shot.{name.lower()}"
    dialog.file.edit.setText(str(path))
    dialog.save_button.click()
    qtbot.waitUntil(lambda: "Saved as" in words(dialog))
    assert path.read_text().startswith(start)


def test_an_older_snapshot_is_held_beside_now(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, attachment: Attachment, tmp_path: Path
) -> None:
    older = tmp_path / "older.json"
    write_snapshot({**snapshot(attachment), "entries": 10}, older)
    dialog = SnapshotDialog(window, tasks, studio, attachment)
    dialog.open()
    dialog.compare_with(older)
    qtbot.waitUntil(lambda: "change" in words(dialog))
    assert "entries\n10\n12\n+2" in words(dialog)
    older.write_text("[]")
    dialog.compare_with(older)
    qtbot.waitUntil(lambda: "is no snapshot" in words(dialog))


def test_settings_give_back_what_was_chosen(window: QWidget) -> None:
    before = Settings(trash_bytes=2_000_000_001, theme="dark")
    dialog = SettingsDialog(window, before, 0.75)
    dialog.open()
    assert dialog.settings() == before
    assert dialog.target_hit_rate() == 0.75
    dialog.theme.setCurrentIndex(1)
    dialog.motion.setChecked(True)
    dialog.trash_days.setValue(7)
    dialog.trash_size.setValue(10)
    dialog.target.setValue(80)
    chosen = dialog.settings()
    assert (chosen.theme, chosen.reduced_motion, chosen.trash_days, chosen.trash_bytes) == (
        "light",
        True,
        7,
        10_000_000,
    )
    assert dialog.target_hit_rate() == 0.8


def test_the_page_of_keys_names_every_shortcut(window: QWidget) -> None:
    dialog = ShortcutsDialog(window)
    dialog.open()
    assert all(keys in words(dialog) for _, keys in shortcut_lines())


def test_a_dialog_takes_the_height_its_words_need(
    qtbot: QtBot, tasks: Tasks, studio: Studio, window: QWidget, attachment: Attachment, tmp_path: Path
) -> None:
    dialog = ExportDialog(window, tasks, studio, attachment, listing(attachment, studio, ""))
    dialog.open()
    dialog.file.edit.setText(str(tmp_path / "missing" / ("long name " * 12 + "x.json")))
    dialog.export_button.click()
    qtbot.waitUntil(lambda: "cannot be written" in words(dialog))
    note = next(label for label in dialog.findChildren(QLabel) if "cannot be written" in label.text())
    qtbot.waitUntil(lambda: note.height() >= note.heightForWidth(note.width()))
    assert dialog.file.height() >= dialog.file.minimumSizeHint().height()


def test_a_dialog_that_grows_stays_in_the_middle(qtbot: QtBot, window: QWidget, attachment: Attachment) -> None:
    window.resize(600, 500)
    dialog = EvictDialog(window, attachment)
    dialog.open()
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    middle = window.frameGeometry().center()
    low, high = sorted((middle.y(), dialog.frameGeometry().center().y()))
    assert high - low <= 1 or dialog.y() == dialog.screen().availableGeometry().top()
    assert dialog.frameGeometry().bottom() <= dialog.screen().availableGeometry().bottom()
