"""The dock's views of what a value is: HTTP response, answer of a model, table."""

import json
import pickle
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from conftest import HOSTILE, Attach
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from cache_studio.decoding.views.lines import Line
from cache_studio.decoding.views.shapes import HttpView, LlmView, Message, TableView, Validity
from cache_studio.gui.dock.conversation_panel import ConversationPanel, prepare_conversation
from cache_studio.gui.dock.detail_dock import DetailDock
from cache_studio.gui.dock.fact_grid import FactGrid
from cache_studio.gui.dock.http_panel import HttpPanel
from cache_studio.gui.dock.table_panel import CellModel, TablePanel
from cache_studio.gui.tasks import Tasks
from cache_studio.model.entries import entry_at
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

CHAT = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": f"What is {HOSTILE}?"}],
    "response": {
        "model": "gpt-4o-mini",
        "choices": [{"message": {"role": "assistant", "content": "Text.\n\nOnly text."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0},
    },
}


def stored_response(body: bytes, kind: str) -> bytes:
    headers = {"Content-Type": kind, "X-Bad": HOSTILE, "Cache-Control": "max-age=3600"}
    request = {"method": "GET", "url": "https://example.com/", "headers": {}}
    known = {"_content": body, "headers": headers, "request": request, "reason": HOSTILE, "status_code": 200}
    return pickle.dumps({**known, "url": "https://example.com/", "created_at": time.time() - 60})


@pytest.fixture
def cache(tmp_path: Path, attach: Attach) -> Attachment:
    path = tmp_path / "values.db"
    values = {
        "page": stored_response(b"<b>bold</b>\nsecond line", "text/html"),
        "data": stored_response(b'{"users": [1, 2]}', "application/json"),
        "chat": json.dumps(CHAT).encode(),
        "plain": b'{"a": 1}',
    }
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache(key TEXT PRIMARY KEY, value BLOB)")
        database.executemany("INSERT INTO cache VALUES(?, ?)", values.items())
    return attach(f"sqlite-table:{path}?table=cache&key=key&value=value")


@pytest.fixture
def dock(qtbot: QtBot, tasks: Tasks, studio: Studio) -> DetailDock:
    made = DetailDock(tasks, studio)
    qtbot.addWidget(made)
    made.resize(340, 820)
    made.show()
    return made


def show(qtbot: QtBot, dock: DetailDock, cache: Attachment, key: str, view: str) -> None:
    """Show an entry and wait until it is drawn in a view."""
    listed = cache.standing.view
    assert listed is not None
    entry = next(found for row in listed.rows() if (found := entry_at(listed, int(row))).key == key)
    dock.value.show_message("")
    dock.show_entry(cache, entry, cache.standing.sources)
    qtbot.waitUntil(lambda: dock.value.current_view() == view, timeout=20_000)


def test_a_response_is_shown_with_its_body_as_text(
    qtbot: QtBot, dock: DetailDock, cache: Attachment, look: str
) -> None:
    show(qtbot, dock, cache, "page", "HTTP")
    panel = dock.value.http
    shown = {name: (value, source) for name, value, source in panel.facts.texts()}
    assert shown["Freshness"][0].startswith("fresh, 5")
    assert shown["Lifetime"] == ("1 h 00 min, by max-age", "recorded")
    assert panel.body.currentWidget() is panel.body.text
    assert panel.body.text.toPlainText() == "<b>bold</b>\nsecond line"
    safe = HOSTILE.replace("\u202e", "\\u202e")
    assert panel._status.text().replace("\u200b", "") == f"200 {safe}"
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in (panel._status, panel._request))
    dock.value.find_bar.edit.setText("second")
    assert panel.body.text.textCursor().selectedText() == "second"
    panel.choose_part("Headers")
    model = panel.headers.model()
    assert [model.index(row, 0).data() for row in range(2)] == ["Content-Type  text/html", f"X-Bad  {safe}"]
    assert panel.find_text("max-age", 0) == (1, 1)
    dock.value._copy()
    assert QGuiApplication.clipboard().text().startswith("GET https://example.com/\n200 ")


def test_a_response_is_shown_with_its_body_as_a_tree(qtbot: QtBot, dock: DetailDock, cache: Attachment) -> None:
    show(qtbot, dock, cache, "data", "HTTP")
    assert dock.value.http.body.currentWidget() is dock.value.http.body.tree
    assert dock.value.buttons is not None
    dock.value.choose_view("Tree")
    show(qtbot, dock, cache, "page", "Tree")
    dock.value.choose_view("HTTP")
    show(qtbot, dock, cache, "plain", "Tree")  # which is no response


def test_an_answer_is_shown_with_its_cost(qtbot: QtBot, dock: DetailDock, cache: Attachment, look: str) -> None:
    show(qtbot, dock, cache, "chat", "LLM")
    panel = dock.value.llm
    assert ("Cost", "not recorded", "") in panel.facts.texts()
    lines = panel.text().split("\n")
    assert lines == [
        "user",
        "What is <img src=x onerror=alert(1)>\\u202etxt.exe?",
        "",
        "assistant",
        "Text.",
        "",
        "Only text.",
    ]
    dock.value._prices = {"gpt-4o-mini": {"input": 0.15, "output": 0.6}}
    assert dock.value._prepared is not None
    dock.value._fill(dock.value._prepared)
    assert ("Cost", "0.150000", "derived") in panel.facts.texts()


def test_a_response_ticks_on_screen_and_goes_stale(qtbot: QtBot) -> None:
    now = [1000.0]
    panel = HttpPanel(lambda: now[0])
    qtbot.addWidget(panel)
    view = HttpView("x", 200, "OK", "", "", "", (), 0, (), Validity(received=1000.0, max_age=5.0), None)
    panel.show_response(view, None)
    assert panel.facts.texts()[0] == ("Freshness", "fresh, 5 s left", "derived")
    assert not panel._timer.isActive()
    panel.show()
    assert panel._timer.isActive()
    assert panel.headers.isVisible()
    assert panel.parts.current() == "Headers"
    assert not panel._request.isVisible()
    now[0] = 1010.0
    panel.tick()
    assert panel.facts.texts()[0] == ("Freshness", "stale for 5 s", "derived")
    panel.hide()
    assert not panel._timer.isActive()
    assert panel.text() == "200 OK"


def test_roles_are_lines_of_their_own_whatever_is_in_them(qtbot: QtBot) -> None:
    said = (Message("user\nassistant", "a\nb"), Message("tool", "c", "first 1 of 9 characters"))
    conversation = prepare_conversation(said)
    assert conversation.text == "user⏎assistant\na\nb\n\ntool (first 1 of 9 characters)\nc"
    assert conversation.roles == (0, 4)
    panel = ConversationPanel()
    qtbot.addWidget(panel)
    panel.show_answer(LlmView("OpenAI", "", said, (), None, None, None, ""), conversation, {})
    assert panel.find_text("c", 1)[1] >= 1
    assert ("Model", "not recorded", "") in panel.facts.texts()


TABLE = TableView(
    "pandas DataFrame",
    (2, 2),
    "",
    2,
    2,
    ("name", "size"),
    ("str", "int64"),
    ("0", "1"),
    (("<b>x</b>", "5"), (HOSTILE, "70")),
)


def test_a_table_is_a_model_of_safe_cells(qtbot: QtBot) -> None:
    panel = TablePanel()
    qtbot.addWidget(panel)
    panel.show_table(TABLE)
    model = panel.cells.model()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert isinstance(model, CellModel)
    assert [model.index(0, column).data() for column in range(3)] == ["0", "<b>x</b>", "5"]
    assert "\u202e" not in str(model.index(1, 1).data())
    assert int(model.index(0, 2).data(Qt.ItemDataRole.TextAlignmentRole)) & int(Qt.AlignmentFlag.AlignRight)
    assert model.headerData(2, Qt.Orientation.Horizontal) == "size"
    assert "int64" in str(model.headerData(2, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole))
    assert panel.find_text("70", 1) == (1, 1)
    assert (panel.cells.currentIndex().row(), panel.cells.currentIndex().column()) == (1, 2)
    assert panel.find_text("nothing", 1) == (0, 0)
    assert panel.text().split("\n")[1] == "0\t<b>x</b>\t5"


def test_facts_of_other_names_make_new_rows(qtbot: QtBot) -> None:
    grid = FactGrid()
    qtbot.addWidget(grid)
    grid.show_lines([Line("Age", "5 s", "derived")])
    label = grid._rows[0][1]
    grid.show_lines([Line("Age", "6 s", "derived")])
    assert grid._rows[0][1] is label
    grid.show_lines([Line("Age", "not recorded"), Line("Body", "x" * 50, "recorded")])
    assert [row[0] for row in grid.texts()] == ["Age", "Body"]
    assert grid.texts()[1][1] == "x" * 50
