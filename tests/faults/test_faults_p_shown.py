"""Hostile keys and values in the window (P16): plain text everywhere, and no file they name is opened."""

from __future__ import annotations

import ast
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

import cache_studio.gui
from cache_studio.gui.main_window import MainWindow

SECONDS = 20_000
SOURCES = sorted(Path(cache_studio.gui.__path__[0]).rglob("*.py"))
RICH = re.compile(r"\b(RichText|AutoText|MarkdownText|setHtml|insertHtml|appendHtml|setMarkdown|QTextBrowser|"
                  r"QTextEdit\(|setOpenExternalLinks|setTextInteractionFlags\(.*Links)")  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, str]:
    """A cache of one entry whose key, value and namespace are markup that names a pipe: who opens it, hangs."""
    os.mkfifo(tmp_path / "pipe")
    markup = f'<img src="{tmp_path / "pipe"}"><a href="file://{tmp_path / "pipe"}">key</a>\u202e\x00\n'
    folder = tmp_path / "cache"
    folder.mkdir()
    moment = datetime.fromtimestamp(time.time() - 60).isoformat()
    entry = {"cache_key": markup, "timestamp": moment, "result": {markup: markup, "failure_reason": markup}}
    (folder / f"{7:064x}.json").write_text(json.dumps(entry))
    return folder, markup


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window that has begun."""
    monkeypatch.setattr("cache_studio.gui.main_window.LOOK_AFTER_MS", 3_600_000)
    made = MainWindow()
    made.show()
    with qtbot.waitSignal(made.controller.ready, timeout=SECONDS):
        made.begin([])
    yield made
    with qtbot.waitSignal(made.closed, timeout=SECONDS):
        made.close()
    assert made.controller.wait_closed(10)
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the bait is a pipe")
def test_p16_markup_of_a_cache_is_shown_as_text_by_every_widget(
    qtbot: QtBot, window: MainWindow, hostile: tuple[Path, str]
) -> None:
    folder, markup = hostile
    with qtbot.waitSignal(window.page_shown, timeout=SECONDS):
        window.attach_all([f"json-directory:{folder}"])
    page = window.current_page()
    assert page is not None
    table = page.entries.table
    qtbot.waitUntil(lambda: table.entries.rowCount() == 1, timeout=SECONDS)
    table.setCurrentIndex(table.entries.index(0, 0))
    labels = lambda: [one for one in QApplication.allWidgets() if isinstance(one, QLabel)]  # noqa: E731
    qtbot.waitUntil(lambda: any("<img" in label.text() for label in labels()), timeout=SECONDS)
    window.grab()
    read_as_markup = [
        label.text() for label in labels() if label.textFormat() is not Qt.TextFormat.PlainText and "<" in label.text()
    ]
    assert read_as_markup == []
    hinted = [one.toolTip() for one in QApplication.allWidgets() if "<img" in one.toolTip()]
    assert hinted == []
    shown = table.entries.index(0, 0).data()
    assert "\u202e" not in str(shown)
    assert markup not in str(shown)


def test_p16_no_part_of_the_window_can_show_markup() -> None:
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if RICH.search(line)
    ]
    assert found == []


def test_p16_labels_are_plain_and_tooltips_escaped() -> None:
    """A label with text is made by `plain_label`; what is made otherwise holds a picture, or says PlainText itself."""
    wrong = []
    for path in SOURCES:
        source = path.read_text("utf-8")
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == "QLabel" and any(map(_is_text, node.args)):
                wrong.append(f"{path.name}:{node.lineno}: a label with text")
            if isinstance(node, ast.Call) and _name(node.func) in ("setToolTip", "setWhatsThis"):
                (argument,) = node.args
                if not (isinstance(argument, ast.Call) and _name(argument.func) == "tooltip_text"):
                    wrong.append(f"{path.name}:{node.lineno}: a tooltip that is not escaped")
        if "QMessageBox(" in source and "setTextFormat(Qt.TextFormat.PlainText)" not in source:
            wrong.append(f"{path.name}: a message box that reads markup")
    assert wrong == []


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _is_text(argument: ast.expr) -> bool:
    return not (isinstance(argument, ast.Name) and argument.id in ("parent", "self"))
