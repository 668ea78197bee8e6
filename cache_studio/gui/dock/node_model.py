"""The tree of a decoded value as an item model; rows are made when a branch is opened."""

from collections.abc import Iterator

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cache_studio.decoding.nodes import Node
from cache_studio.gui.look.text import display_text, tooltip_text, tr
from cache_studio.gui.widgets.roles import Role
from cache_studio.model.units import format_count

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
KEY_ROLE, VALUE_ROLE, NOTE_ROLE, KIND_ROLE = (int(Role.CACHE) + step for step in (10, 11, 12, 13))
"""str of a line: its key, its value (or "5 fields"), its remark, and its kind (a name of decoding.nodes.KINDS)."""
_LONGEST = 500
_COUNTED = {
    "object": ("{count} field", "{count} fields"),
    "list": ("{count} value", "{count} values"),
    "tuple": ("tuple of {count}", "tuple of {count}"),
    "set": ("set of {count}", "set of {count}"),
}


class Line:
    """A node with its place; children are wrapped when they are asked for."""

    __slots__ = ("_children", "node", "parent", "row")

    def __init__(self, node: Node, parent: "Line | None", row: int) -> None:
        self.node, self.parent, self.row = node, parent, row
        self._children: list[Line] | None = None

    def children(self) -> "list[Line]":
        """Lines below this one."""
        if self._children is None:
            self._children = [Line(node, self, row) for row, node in enumerate(self.node.children)]
        return self._children


class NodeModel(QAbstractItemModel):
    """One column. A root that only holds others is not shown itself: its children are the top lines."""

    def __init__(self, root: Node, parent: QObject | None = None) -> None:
        super().__init__(parent)
        hidden = Line(root, None, 0) if root.children else Line(Node("list", children=[root]), None, 0)
        self._root = hidden

    def line(self, index: Index) -> Line:
        """The line of an index; the hidden root for none."""
        found: Line = index.internalPointer() if index.isValid() else self._root
        return found

    def index_of(self, line: Line) -> QModelIndex:
        """The index of a line of this model."""
        return QModelIndex() if line is self._root else self.createIndex(line.row, 0, line)

    def lines(self) -> Iterator[Line]:
        """All lines from top to bottom."""
        waiting = list(reversed(self._root.children()))
        while waiting:
            line = waiting.pop()
            yield line
            waiting.extend(reversed(line.children()))

    def index(self, row: int, column: int, parent: Index = _NO_PARENT) -> QModelIndex:
        """The index of a child."""
        if column != 0 or (parent.isValid() and parent.column() != 0):
            return QModelIndex()
        below = self.line(parent).children()
        return self.createIndex(row, 0, below[row]) if 0 <= row < len(below) else QModelIndex()

    def parent(self, index: Index = _NO_PARENT) -> QModelIndex:  # type: ignore[override]
        """The index above."""
        above = self.line(index).parent if index.isValid() else None
        return QModelIndex() if above is None else self.index_of(above)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """How many lines are below."""
        return 0 if parent.column() > 0 else len(self.line(parent).node.children)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        """One."""
        return 1

    def hasChildren(self, parent: Index = _NO_PARENT) -> bool:
        """Whether it can be opened."""
        return self.rowCount(parent) > 0

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Texts made safe; DisplayRole is the whole line."""
        if not index.isValid():
            return None
        node = self.line(index).node
        if role == Qt.ItemDataRole.DisplayRole:
            return line_text(node)
        if role == KEY_ROLE:
            return display_text(node.key, 200)
        if role == VALUE_ROLE:
            return value_words(node)
        if role == NOTE_ROLE:
            return display_text(node.note, 200)
        if role == KIND_ROLE:
            return node.kind
        if role == Qt.ItemDataRole.ToolTipRole and len(node.text) > 40:
            return tooltip_text(node.text)
        return None


def value_words(node: Node) -> str:
    """What stands behind the key: the value, or how much there is below."""
    if node.kind == "string":
        return f'"{display_text(node.text, _LONGEST)}"'
    if node.text:
        return display_text(node.text, _LONGEST)
    if node.kind in _COUNTED:
        one, several = _COUNTED[node.kind]
        return tr(one if node.count == 1 else several).format(count=format_count(node.count))
    return node.kind


def line_text(node: Node) -> str:
    """A whole line as text, for copying, searching and screen readers."""
    parts = (display_text(node.key, 200), value_words(node), display_text(node.note, 200))
    return "  ".join(part for part in parts if part)


def tree_text(root: Node) -> str:
    """The tree as indented lines, for the clipboard."""
    lines: list[str] = []
    waiting = [(root, -1 if root.children and not root.key else 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth >= 0:
            lines.append("  " * depth + line_text(node))
        waiting.extend((child, depth + 1) for child in reversed(node.children))
    return "\n".join(lines)
