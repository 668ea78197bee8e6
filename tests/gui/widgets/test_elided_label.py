"""A line that gives way: cut in its middle, whole in the tooltip, whole again where there is room."""

from pytestqt.qtbot import QtBot

from cache_studio.gui.widgets.elided_label import ElidedLabel

WORDS = "redis://somewhere.example:6379/0?prefix=<b>a:"


def test_words_are_cut_to_the_room_there_is(qtbot: QtBot) -> None:
    label = ElidedLabel("small")
    qtbot.addWidget(label)
    label.set_words(WORDS)
    label.show()
    label.resize(150, 20)
    cut = label.text()
    assert cut.startswith("redis")
    assert "…" in cut
    assert "&lt;b&gt;a:" in label.toolTip()
    label.resize(600, 20)
    assert label.text() == WORDS == label.accessibleName()
    label.resize(20, 20)
    assert label.text() == ""


def test_a_short_word_is_never_left_out(qtbot: QtBot) -> None:
    label = ElidedLabel("small")
    qtbot.addWidget(label)
    label.show()
    label.set_words("all")
    label.resize(40, 20)
    assert label.text() == "all"
