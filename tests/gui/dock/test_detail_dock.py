"""The dock on real caches: facts with sources, the views of a value, find, copy, save."""

import io
import json
import pickle
import wave
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import HOSTILE, Attach, write_asset, write_comparison
from PySide6.QtCore import QBuffer, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from cache_studio.decoding.decode import decode
from cache_studio.decoding.decoded import Image
from cache_studio.gui.dock.detail_dock import DetailDock
from cache_studio.gui.dock.entry_pane import EntryPane
from cache_studio.gui.dock.facts import fact_lines, moment_words, ttl_share
from cache_studio.gui.dock.hex_view import HexModel, HexView
from cache_studio.gui.dock.media_views import read_picture
from cache_studio.gui.dock.node_model import NodeModel, line_text, tree_text
from cache_studio.gui.dock.text_view import LONGEST_LINE, TextView, shown_text
from cache_studio.gui.dock.tree_view import TreeView
from cache_studio.gui.dock.value_words import file_name, prepare, remarks
from cache_studio.gui.tasks import Tasks
from cache_studio.model.entries import Entry, entry_at
from cache_studio.model.identity import EntryId
from cache_studio.model.payload import Piece
from cache_studio.model.seeing import Source
from cache_studio.services.attachment import Attachment
from cache_studio.services.show import FIRST_BYTES, SHOWN_BYTES, Shown, ShownPiece
from cache_studio.services.studio import Studio


@pytest.fixture
def dock(qtbot: QtBot, tasks: Tasks, studio: Studio) -> DetailDock:
    made = DetailDock(tasks, studio)
    qtbot.addWidget(made)
    made.resize(340, 820)
    made.show()
    return made


def entries(attachment: Attachment) -> list[Entry]:
    view = attachment.standing.view
    assert view is not None
    return [entry_at(view, int(row)) for row in view.rows()]


def show(qtbot: QtBot, dock: DetailDock, attachment: Attachment, entry: Entry) -> None:
    """Show an entry and wait until its value is drawn."""
    dock.show_entry(attachment, entry, attachment.standing.sources)
    qtbot.waitUntil(lambda: bool(dock.value.current_view()), timeout=20_000)


def png() -> bytes:
    image = QImage(32, 16, QImage.Format.Format_RGB32)
    image.fill(QColor("#2160C4"))
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(bytes(range(256)) * 100)
    return out.getvalue()


def found(data: bytes, **piece: object) -> ShownPiece:
    return ShownPiece(replace(Piece("value", data, len(data)), **piece), decode(data))  # type: ignore[arg-type]


def test_the_views_are_made_when_the_first_entry_is_chosen(
    qtbot: QtBot, dock: DetailDock, comparisons: Path, attach: Attach
) -> None:
    attachment = attach(f"json-directory:{comparisons}")
    dock.show_entry(attachment, None, {})
    assert dock.findChildren(EntryPane) == []
    show(qtbot, dock, attachment, entries(attachment)[0])
    (pane,) = dock.findChildren(EntryPane)
    assert pane.isVisible()
    dock.show_entry(attachment, None, {})
    assert not pane.isVisible()
    assert pane.value.current_view() == ""


def test_a_json_entry_is_shown_with_facts_and_views(
    qtbot: QtBot, dock: DetailDock, comparisons: Path, attach: Attach, look: str
) -> None:
    attachment = attach(f"json-directory:{comparisons}")
    entry = next(entry for entry in entries(attachment) if entry.key == "fresh 1")
    show(qtbot, dock, attachment, entry)
    lines = {name: (value, source) for name, value, source in dock.facts.lines()}
    assert lines["Expires"][1] == "derived"
    assert lines["Hits"] == ("not recorded", "")
    assert lines["Misses"] == ("not recorded", "")
    assert dock.value.current_view() == "Tree"
    assert dock.value.said()[-1] == "Decoded as JSON. Nothing was executed."
    dock.value.choose_view("Text")
    dock.value.find_bar.edit.setText("threshold")
    assert dock.value.text.textCursor().selectedText() == "threshold"
    dock.value.choose_view("Hex")
    assert str(dock.value.hex.model().index(0, 0).data()).startswith("00000000  7b 0a")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, studio: Studio) -> list[tuple[int, Future[Shown]]]:
    """How many bytes the dock asked for, each with its answer; answers of more than the first part come when set."""
    requests: list[tuple[int, Future[Shown]]] = []
    show = studio.reader.show

    def noted(attachment: Attachment, entry_id: EntryId, most: int) -> Future[Shown]:
        requests.append((most, show(attachment, entry_id, most)))
        return requests[-1][1] if most == FIRST_BYTES else Future()

    monkeypatch.setattr(studio.reader, "show", noted)
    return requests


def test_the_first_part_of_a_large_value_is_shown_where_the_rest_takes_long(
    qtbot: QtBot, dock: DetailDock, tmp_path: Path, attach: Attach, asked: list[tuple[int, Future[Shown]]]
) -> None:
    (tmp_path / "cache").mkdir()
    for name, times in (("large", 30_000), ("small", 3)):
        write_comparison(tmp_path / "cache", name, 60, "word " * times)
    attachment = attach(f"json-directory:{tmp_path / 'cache'}")
    large, small = sorted(entries(attachment), key=lambda entry: -(entry.size or 0))
    show(qtbot, dock, attachment, large)
    assert [most for most, _answer in asked] == [FIRST_BYTES, SHOWN_BYTES]
    assert any(said.startswith("First 65.5 kB of 150") for said in dock.value.said()), dock.value.said()
    asked.clear()
    show(qtbot, dock, attachment, small)
    qtbot.waitUntil(lambda: dock.value.said()[-1] == "Decoded as JSON. Nothing was executed.")
    assert [most for most, _answer in asked] == [FIRST_BYTES]


def test_hostile_keys_stand_as_text(qtbot: QtBot, dock: DetailDock, comparisons: Path, attach: Attach) -> None:
    attachment = attach(f"json-directory:{comparisons}")
    entry = next(entry for entry in entries(attachment) if entry.key == HOSTILE)
    show(qtbot, dock, attachment, entry)
    shown = dock.facts._key.text().replace("\u200b", "")
    assert shown == "<img src=x onerror=alert(1)>\\u202etxt.exe"
    assert dock.facts._key.textFormat() is Qt.TextFormat.PlainText
    with qtbot.waitSignal(dock.message):
        dock.facts._copy.click()
    assert QGuiApplication.clipboard().text() == HOSTILE


def test_pictures_and_sounds(qtbot: QtBot, dock: DetailDock, tmp_path: Path, attach: Attach) -> None:
    write_asset(tmp_path, "a house", "image", png())
    write_asset(tmp_path, "Step two.", "tts", wav())
    attachment = attach(f"asset-cache:{tmp_path}")
    by_namespace = {entry.namespace: entry for entry in entries(attachment)}
    show(qtbot, dock, attachment, by_namespace["image"])
    assert dock.value.current_view() == "Picture"
    assert dock.value.pieces.count() > 1
    dock.value.show_message("")
    show(qtbot, dock, attachment, by_namespace["tts"])
    assert dock.value.current_view() == "Sound"
    assert dock.value.views["Sound"].accessibleDescription().startswith("WAV, 0.53 s, 24,000 Hz, 1 channel, 16 bits")


def test_the_same_entry_again_is_not_read_again(
    qtbot: QtBot, dock: DetailDock, comparisons: Path, attach: Attach
) -> None:
    attachment = attach(f"json-directory:{comparisons}")
    entry = entries(attachment)[0]
    show(qtbot, dock, attachment, entry)
    read = dock._future
    dock.show_entry(attachment, replace(entry, hits=5), attachment.standing.sources)
    assert ("Hits", "5", "recorded") in dock.facts.lines()
    assert dock._future is read
    dock.show_entry(attachment, replace(entry, stamp=(1, 2, 3)), attachment.standing.sources)
    qtbot.waitUntil(lambda: dock._future is not read)


def test_an_entry_that_is_gone_says_so(qtbot: QtBot, dock: DetailDock, comparisons: Path, attach: Attach) -> None:
    attachment = attach(f"json-directory:{comparisons}")
    entry = entries(attachment)[0]
    for path in comparisons.iterdir():
        path.unlink()
    dock.show_entry(attachment, entry, {})
    qtbot.waitUntil(lambda: dock.value._message._sentence.text() not in ("", "Reading the value"), timeout=20_000)
    assert not dock.value.find_bar.save_button.isEnabled()


def test_save_writes_the_stored_bytes(
    qtbot: QtBot, dock: DetailDock, comparisons: Path, attach: Attach, tmp_path: Path
) -> None:
    attachment = attach(f"json-directory:{comparisons}")
    entry = next(entry for entry in entries(attachment) if entry.key == "stale 3")
    show(qtbot, dock, attachment, entry)
    path = tmp_path / "saved.json"
    path.write_text("older")
    with qtbot.waitSignal(dock.message) as told:
        dock.save_to(dock.value._shown[0], path)
    assert told.args is not None
    assert told.args[0].startswith("Saved ")
    assert json.loads(path.read_bytes())["cache_key"] == "stale 3"
    with qtbot.waitSignal(dock.message) as refused:
        dock.save_to(dock.value._shown[0], tmp_path / "missing" / "saved.json")
    assert refused.args is not None
    assert "cannot be written" in refused.args[0]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["comparisons", "saved.json"]


def test_calls_of_a_pickle_are_named_and_never_made(tmp_path: Path) -> None:
    class Opens:
        def __reduce__(self) -> tuple[object, ...]:
            return open, (str(tmp_path / "made"), "w")

    prepared = prepare(found(pickle.dumps({"value": Opens()})))
    said = dict(remarks(prepared))
    call = next(text for text in said if text.startswith("Calls that were not made: "))
    assert "open" in call
    assert said[call] == "bad"
    assert not (tmp_path / "made").exists()


def test_what_is_cut_or_broken_is_said() -> None:
    cut = prepare(found(b"abc" * 100, total=300_000_000))
    assert ("First 300 B of 300 MB shown.", "warn") in remarks(cut)
    broken = prepare(found(b'{"a": '))
    assert remarks(broken)[0][1] == "bad"


def test_trees_keep_the_rules_of_models() -> None:
    root = decode(json.dumps({"a": [1, {"b": None}], "<b>\u202e": "x\ny"}).encode()).tree
    assert root is not None
    model = NodeModel(root)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert [line_text(line.node) for line in model.lines()] == [
        "a  2 values", "0  1", "1  1 field", "b  null", '<b>\\u202e  "x⏎y"',
    ]  # fmt: skip
    assert tree_text(root).splitlines()[3] == "    b  null"
    scalar = decode(b"42").tree
    assert scalar is not None
    assert NodeModel(scalar).rowCount() == 1


def test_find_goes_round_in_a_tree(qtbot: QtBot) -> None:
    view = TreeView()
    qtbot.addWidget(view)
    root = decode(json.dumps({"one": "x", "two": {"deep": "One more"}}).encode()).tree
    assert root is not None
    view.show_tree(root)
    assert [view.find_text("one", step) for step in (0, 1, 1, -1)] == [(1, 2), (2, 2), (1, 2), (2, 2)]
    assert view.find_text("absent", 1) == (0, 0)


def test_a_line_of_a_million_characters_is_broken(qtbot: QtBot) -> None:
    shown = shown_text("é" * 1_000_000 + "\u202e\nend")
    assert max(map(len, shown.split("\n"))) == LONGEST_LINE
    assert "\\u202e" in shown
    view = TextView()
    qtbot.addWidget(view)
    view.show_text(shown)
    view.show()
    QGuiApplication.processEvents()
    assert view.find_text("END", 0) == (1, 1)


def test_hex_makes_lines_when_asked(qtbot: QtBot) -> None:
    model = HexModel(bytes(4_000_000))
    QAbstractItemModelTester(HexModel(b"0123456789abcdefg"), QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert model.rowCount() == 250_000
    assert str(model.index(249_999).data()).startswith("003d08f0")
    view = HexView()
    qtbot.addWidget(view)
    view.show_bytes(b"\0" * 100 + b"needle" + b"\0" * 100 + b"needle")
    assert view.find_text("needle", 0) == (1, 2)
    assert view.currentIndex().row() == 6
    assert view.find_text("6e 65", 1) == (2, 2)


def test_qt_guesses_no_other_picture_format() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'
    assert read_picture(Image("png", 8, 8, svg)) is None
    assert read_picture(Image("png", 32, 16, None, "too big")) is None
    drawn = read_picture(Image("png", 32, 16, png()))
    assert drawn is not None
    assert (drawn.width(), drawn.height()) == (32, 16)


def test_unknown_is_said_and_never_0() -> None:
    entry = Entry(1, (1,), "k", "", "", None, None, None, None, None, None, "")
    assert {line.value for line in fact_lines(entry, {})} == {"not recorded"}
    assert {line.source for line in fact_lines(entry, {"size": Source.RECORDED})} == {""}
    forever = replace(entry, expires_at=float("inf"), size=0.0)
    lines = {line.name: line.value for line in fact_lines(forever, {})}
    assert (lines["Expires"], lines["Size"]) == ("never", "0 B")
    assert moment_words(1e18) == "outside of the calendar"
    assert ttl_share(replace(entry, created_at=0.0, expires_at=100.0), 25.0) == 0.75


def test_a_file_name_has_nothing_of_a_hostile_key() -> None:
    piece = found(b'{"a": 1}')
    assert file_name("../../etc/<passwd>", piece) == "etc__passwd.json"
    assert file_name("", found(b"\x00\xff\x01")) == "value.bin"


def test_a_new_value_keeps_the_view_that_was_chosen(
    qtbot: QtBot, dock: DetailDock, comparisons: Path, attach: Attach
) -> None:
    write_comparison(comparisons, "another", 5)
    attachment = attach(f"json-directory:{comparisons}")
    first, second = entries(attachment)[:2]
    show(qtbot, dock, attachment, first)
    assert dock.value.buttons is not None
    dock.value.choose_view("Hex")
    dock.show_entry(attachment, second, {})
    qtbot.waitUntil(lambda: dock.value.current_view() == "Hex", timeout=20_000)
