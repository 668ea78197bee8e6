"""Hostile text stays text, and nothing in it is hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from cache_studio.gui.look.text import display_lines, display_text, plain_label, set_tooltip, tooltip_text, tr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user:42", "user:42"),
        ("größe 東京", "größe 東京"),
        ("a\nb\r\tc", "a⏎b\\r\\tc"),
        ("\x00\x1b[31m", "\\x00\\x1b[31m"),
        ("safe\u202etxt.exe", "safe\\u202etxt.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\udcff\ud800", "\\xff\\ud800"),
        ("line\u2028break", "line\\u2028break"),
        ("tag\U000e0041", "tag\\U000e0041"),
    ],
)
def test_hidden_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert display_text(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert display_text("x" * 15_000) == "x" * 10_000 + "… (5,000 more)"


@given(st.text(alphabet=st.characters()))
def test_what_is_shown_can_always_be_encoded_and_has_one_line(text: str) -> None:
    shown = display_text(text)
    assert shown.encode().decode() == shown
    assert display_text(shown) == shown
    assert len(shown.splitlines()) <= 1


def test_lines_stay_lines() -> None:
    assert display_lines("a\nb\u202e", 10) == "a\nb\\u202e"


def test_markup_stays_plain_in_labels(qtbot: QtBot) -> None:
    label = plain_label("<img src=x><b>bold</b>")
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.text() == "<img src=x><b>bold</b>"


def test_markup_is_escaped_in_tooltips(qtbot: QtBot) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    set_tooltip(button, "<img src=x>\u202e")
    assert "<img" not in button.toolTip()
    assert "&lt;img src=x&gt;\\u202e" in button.toolTip()
    assert tooltip_text("") == ""


def test_tr_without_translation_is_the_text() -> None:
    assert tr("Purge stale") == "Purge stale"
