"""The value of an entry: its pieces, its views, what must be said about it."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from cache_studio.decoding.hexes import hex_lines
from cache_studio.decoding.views.lines import Prices
from cache_studio.gui.dock.conversation_panel import ConversationPanel
from cache_studio.gui.dock.find_bar import FindBar
from cache_studio.gui.dock.hex_view import HexView
from cache_studio.gui.dock.http_panel import HttpPanel
from cache_studio.gui.dock.media_views import MediaView, PictureCanvas, WaveCanvas, picture_words, sound_words
from cache_studio.gui.dock.node_model import tree_text
from cache_studio.gui.dock.table_panel import TablePanel
from cache_studio.gui.dock.text_view import TextView
from cache_studio.gui.dock.tree_view import TreeView
from cache_studio.gui.dock.value_words import (
    HEX,
    HTTP,
    LLM,
    PICTURE,
    SOUND,
    TABLE,
    TEXT,
    TREE,
    Prepared,
    chain_words,
    is_cut,
    piece_title,
    prepare,
    remarks,
)
from cache_studio.gui.look import icons, theme
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.bars import EmptyState
from cache_studio.gui.widgets.buttons import LinkButton
from cache_studio.gui.widgets.segmented import SegmentedButtons
from cache_studio.model.errors import CacheStudioError
from cache_studio.services.show import Shown, ShownPiece

_MESSAGE = "message"
_PANELS = HttpPanel | ConversationPanel | TablePanel
_FINDING = TreeView | TextView | HexView | _PANELS
_COPIED_BYTES = 65_536
"""Bytes that the hex view copies at most."""


class ValuePanel(QWidget):
    """Views of one value. `show_value` keeps view and piece where the next value has them too.

    Signals:
        copied(str): something is on the clipboard; the words say what.
        save_requested(ShownPiece): the stored bytes of this piece are to be saved.
        rest_requested(): more of the value is to be read.
    """

    copied = Signal(str)
    save_requested = Signal(object)
    rest_requested = Signal()

    def __init__(self, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks, self._task = tasks, f"value {id(self)}"
        self._shown: tuple[ShownPiece, ...] = ()
        self._prepared: Prepared | None = None
        self._prices: Prices = {}
        self._chosen_view = ""
        self._chosen_piece = ""
        self.tree, self.text, self.hex = TreeView(), TextView(), HexView()
        self._picture, self._wave = PictureCanvas(), WaveCanvas()
        picture, sound = (
            MediaView(tr("Value as a picture"), self._picture),
            MediaView(tr("Value as a sound"), self._wave),
        )
        self.http, self.llm, self.table = HttpPanel(), ConversationPanel(), TablePanel()
        self.views: dict[str, QWidget] = {
            HTTP: self.http, LLM: self.llm, TABLE: self.table,
            TREE: self.tree, TEXT: self.text, HEX: self.hex, PICTURE: picture, SOUND: sound,
        }  # fmt: skip
        self._picture_view, self._sound_view = picture, sound
        self._message = EmptyState("")
        self._stack = QStackedWidget(self)
        for view in (*self.views.values(), self._message):
            self._stack.addWidget(view)
        self.pieces = QComboBox()
        self.pieces.setAccessibleName(tr("Part of the entry"))
        self.pieces.activated.connect(self._on_piece)
        self.find_bar = FindBar()
        self.find_bar.wanted.connect(self._find)
        self.find_bar.copy_requested.connect(self._copy)
        self.find_bar.save_requested.connect(self._save)
        self._rest = LinkButton(tr("Read more of it"))
        self._rest.clicked.connect(self.rest_requested)
        self.buttons: SegmentedButtons | None = None
        self._lay_out()
        self.destroyed.connect(lambda *_, drop=tasks.drop, task=self._task: drop(task))
        theme.theme().changed.connect(self._restyle)
        self._restyle()
        self.show_message("")

    def show_value(self, shown: Shown, prices: Prices) -> None:
        """Show the pieces of an entry; the piece chosen before if it has one of that name."""
        self._shown, self._prices = shown.pieces, prices
        names = [found.piece.name for found in shown.pieces]
        self.pieces.clear()
        for found in shown.pieces:
            self.pieces.addItem(piece_title(found))
        self.pieces.setVisible(len(names) > 1)
        self.pieces.setCurrentIndex(names.index(self._chosen_piece) if self._chosen_piece in names else 0)
        self._begin()

    def show_message(self, text: str) -> None:
        """Show a sentence in place of a value."""
        self._tasks.drop(self._task)
        self._shown, self._prepared = (), None
        self.pieces.hide()
        self._set_remarks(())
        self._footer.setText("")
        self._shield.hide()
        self._set_buttons([])
        self._message.set_text(text)
        self._stack.setCurrentWidget(self._message)
        self.find_bar.set_tools(can_find=False, can_copy=False, can_save=False)

    def choose_view(self, name: str) -> None:
        """Show another view of the value, and begin with it next time where there is one."""
        self._chosen_view = name
        self._show_view(name)

    def current_view(self) -> str:
        """The name of the view that is shown, "" for a message."""
        return next((name for name, view in self.views.items() if view is self._stack.currentWidget()), "")

    def said(self) -> list[str]:
        """The remarks above the view and the line below it, as shown."""
        return [*(label.text() for label in self._remarks), self._footer.text()]

    def _lay_out(self) -> None:
        self._head = QHBoxLayout()
        self._head.setContentsMargins(16, 0, 12, 0)
        self._head.addWidget(plain_label(tr("Value"), "title"))
        self._head.addStretch(1)
        self._notes = QVBoxLayout()
        self._notes.setContentsMargins(16, 0, 12, 0)
        self._notes.setSpacing(4)
        self._remarks: list[QLabel] = []
        piece_row = QHBoxLayout()
        piece_row.setContentsMargins(16, 0, 12, 0)
        piece_row.addWidget(self.pieces, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 8, 12, 8)
        foot.setSpacing(8)
        self._shield, self._footer = QLabel(), plain_label("", "source")
        self._shield.setFixedSize(QSize(16, 16))
        self._footer.setWordWrap(True)
        foot.addWidget(self._shield)
        foot.addWidget(self._footer, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(10)
        for row in (self._head, piece_row):
            layout.addLayout(row)
        layout.addWidget(self.find_bar)
        layout.addLayout(self._notes)
        layout.addWidget(self._stack, 1)
        layout.addLayout(foot)

    def _on_piece(self, number: int) -> None:
        self._chosen_piece = self._shown[number].piece.name
        self._begin()

    def _begin(self) -> None:
        found = self._shown[self.pieces.currentIndex()]
        self._tasks.run(self._task, lambda stop: prepare(found), self._fill, self._refuse)

    def _refuse(self, error: CacheStudioError) -> None:
        self.show_message(f"{error.message} {error.hint}".strip())

    def _fill(self, prepared: Prepared) -> None:
        self._prepared = prepared
        decoded, piece = prepared.found.decoded, prepared.found.piece
        if decoded.tree is not None:
            self.tree.show_tree(decoded.tree)
        self.text.show_text(prepared.text or "")
        self.hex.show_bytes(piece.data)
        self._picture.show_picture(prepared.picture)
        if decoded.image is not None:
            self._picture_view.set_words(picture_words(decoded.image))
        if decoded.audio is not None:
            self._sound_view.set_words(sound_words(decoded.audio))
            self._wave.show_waveform(decoded.audio.waveform)
        self._fill_views(prepared)
        self._set_remarks(remarks(prepared))
        self._rest.setVisible(is_cut(prepared.found))
        self._footer.setText(chain_words(prepared.found))
        self._shield.show()
        self._set_buttons(prepared.views)
        self._show_view(self._chosen_view if self._chosen_view in prepared.views else prepared.best)

    def _fill_views(self, prepared: Prepared) -> None:
        """What the value is to its application."""
        seen = prepared.found.views
        if seen.http is not None:
            self.http.show_response(seen.http, prepared.body)
        if seen.llm is not None:
            self.llm.show_answer(seen.llm, prepared.conversation, self._prices)
        if seen.table is not None:
            self.table.show_table(seen.table)

    def _set_remarks(self, said: Sequence[tuple[str, str]]) -> None:
        self._rest.hide()
        self._notes.removeWidget(self._rest)
        for label in self._remarks:
            self._notes.removeWidget(label)
            label.hide()
            label.deleteLater()
        self._remarks = []
        for text, tone in said:
            label = plain_label(text, "small")
            label.setProperty("tone", tone)
            label.setWordWrap(True)
            self._notes.addWidget(label)
            self._remarks.append(label)
        self._notes.addWidget(self._rest)

    def _set_buttons(self, names: Sequence[str]) -> None:
        old = self.buttons
        if old is not None:
            self._head.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.buttons = SegmentedButtons(tr("View of the value"), names) if names else None
        if self.buttons is not None:
            self.buttons.chosen.connect(self.choose_view)
            self._head.addWidget(self.buttons)

    def _show_view(self, name: str) -> None:
        self._stack.setCurrentWidget(self.views[name])
        if self.buttons is not None:
            self.buttons.choose(name)
        self.find_bar.set_tools(can_find=isinstance(self.views[name], _FINDING), can_copy=True, can_save=True)
        self._find(self.find_bar.edit.text(), 0)

    def _find(self, text: str, step: int) -> None:
        view = self._stack.currentWidget()
        found = view.find_text(text, step) if isinstance(view, _FINDING) else (0, 0)
        self.find_bar.show_result(*found)

    def _copy(self) -> None:
        if self._prepared is None:
            return
        clipboard, view = QGuiApplication.clipboard(), self.current_view()
        decoded, piece = self._prepared.found.decoded, self._prepared.found.piece
        if view == PICTURE and self._prepared.picture is not None:
            clipboard.setImage(self._prepared.picture)
            self.copied.emit(tr("The picture is copied."))
            return
        panel = self.views.get(view)
        if isinstance(panel, _PANELS):
            text = panel.text()
        elif view == HEX:
            text = "\n".join(hex_lines(piece.data[:_COPIED_BYTES]))
        elif view == SOUND and decoded.audio is not None:
            text = sound_words(decoded.audio)
        elif decoded.text is not None:
            text = decoded.text
        else:
            text = tree_text(decoded.tree) if decoded.tree is not None else ""
        clipboard.setText(text)
        self.copied.emit(tr("The value is copied."))

    def _save(self) -> None:
        if self._prepared is not None:
            self.save_requested.emit(self._prepared.found)

    def _restyle(self) -> None:
        self._shield.setPixmap(icons.pixmap("shield", theme.colors().text2, 16, self.devicePixelRatioF()))
