"""Every action by a few letters of its name: type, choose by the arrow keys, Return."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QKeyEvent, QPixmap
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from cache_studio.gui.dialogs.frame import FrameDialog
from cache_studio.gui.look import theme
from cache_studio.gui.look.text import plain_label, tr

_WIDTH, _HEIGHT = 560, 400
_ROW, _ICON = 28, 16
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_ACTION = Qt.ItemDataRole.UserRole


class PaletteDialog(FrameDialog):
    """Lists the actions whose words hold all that was typed; those that cannot be done now say why.

    The chosen action is triggered after the dialog has closed.
    """

    def __init__(self, parent: QWidget | None, actions: Sequence[tuple[QAction, str]]) -> None:
        """Each action comes with why it cannot be done now."""
        super().__init__(parent, tr("Command palette"), _WIDTH)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("What do you want to do?"))
        self.search.setAccessibleName(tr("Command"))
        self.search.installEventFilter(self)
        self.list = QTreeWidget()
        self.list.setAccessibleName(tr("Commands"))
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setIconSize(QSize(_ICON, _ICON))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys go to the search box
        self.list.setMinimumHeight(_HEIGHT)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        for action, why_not in actions:
            self.list.addTopLevelItem(_row(action, why_not))
        self.none = plain_label(tr("No command has these words."), "note")
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.none)
        self.show_content(page)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._run)
        self.list.itemClicked.connect(lambda _item, _column: self._run())
        self._filter("")
        self.search.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrow keys move in the list while the cursor stays in the search box."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in _MOVES:
            self.list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        found = []
        for at in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(at)
            assert item is not None  # it is one of those counted
            fits = all(word in item.text(0).casefold() for word in words)
            item.setHidden(not fits)
            found += [item] if fits else []
        self.none.setVisible(not found)
        possible = (item for item in found if not item.isDisabled())
        self.list.setCurrentItem(next(possible, None))  # type: ignore[arg-type]  # None takes the mark away

    def _run(self) -> None:
        item = self.list.currentItem()
        if item is None or item.isHidden() or item.isDisabled():
            return
        action: QAction = item.data(0, _ACTION)
        self.finished.connect(lambda _result: action.trigger())
        self.accept()


def _row(action: QAction, why_not: str) -> QTreeWidgetItem:
    words = action.text().replace("&", "").rstrip("…")
    item = QTreeWidgetItem([words, action.shortcut().toString() if action.isEnabled() else why_not])
    item.setIcon(0, _blank() if action.icon().isNull() else action.icon())
    item.setSizeHint(0, QSize(0, _ROW))
    item.setData(0, _ACTION, action)
    item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setForeground(1, QColor(theme.colors().text2))
    if not action.isEnabled():
        item.setDisabled(True)
        item.setForeground(0, QColor(theme.colors().disabled))
    return item


def _blank() -> QIcon:
    """Room for an icon, so that all words begin below each other."""
    room = QPixmap(_ICON, _ICON)
    room.fill(Qt.GlobalColor.transparent)
    return QIcon(room)
