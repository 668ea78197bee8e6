"""Delegates of the entry table: rows, keys, figures, tags. TTL pills are in `ttl_cell`."""

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import display_text
from cache_studio.gui.widgets.painting import LEFT, RIGHT, chip_width, draw_chip, draw_text
from cache_studio.gui.widgets.roles import Role

Index = QModelIndex | QPersistentModelIndex
CELL_PAD = 8
FIRST_PAD = 16
SHOWN = 400
"""Characters of a cell that are looked at; no column is wider."""


def lead(view: QWidget | None, column: int) -> int:
    """Pixels before the text of a cell: more in the column that stands first now, so that it clears the edge."""
    header = view.horizontalHeader() if isinstance(view, QTableView) else None
    return FIRST_PAD if header is not None and header.logicalIndexAt(-header.offset()) == column else CELL_PAD


@dataclass(frozen=True, slots=True)
class RowState:
    """How a row stands in its view while it is painted."""

    view: QWidget | None
    is_selected: bool
    is_hovered: bool


def value_of(index: Index, role: int) -> object:
    """What the model says: a model in Python is asked directly, which is half the way that Qt takes."""
    return index.model().data(index, role)


def draw_ground(painter: QPainter, rect: QRectF, state: RowState) -> None:
    """The ground of a row or of a cell of it, and its bottom line."""
    if state.is_selected:
        painter.fillRect(rect, theme.color("selected"))
    elif state.is_hovered:
        painter.fillRect(rect, theme.color("hover"))
    painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), theme.color("border"))


class RowDelegate(QStyledItemDelegate):
    """Ground and line of a row, then `draw_cell`, which a child class gives. The view says which row is hovered."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw ground, bottom line and the cell; never Qt's own focus rectangle."""
        rect = QRectF(option.rect)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        state = RowState(option.widget, is_selected, index.row() == getattr(option.widget, "hover_row", -1))
        painter.save()
        draw_ground(painter, rect, state)
        left = lead(option.widget, index.column())
        self.draw_cell(painter, rect.adjusted(left, 0, -CELL_PAD, -1), index, self.look(index), state)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Width of the content by `cell_width`, height of the chosen density."""
        return QSize(
            round(self.cell_width(index)) + lead(option.widget, index.column()) + CELL_PAD, int(theme.theme().density)
        )

    def draw_cell(self, painter: QPainter, rect: QRectF, index: Index, look: object, state: RowState) -> None:
        """Draw the content into `rect` (padding taken off) as `look` says; render hints are left as they were."""
        problem = self.problem(index)
        color = theme.shade(theme.colors().urgent.text) if problem else theme.color(self.color_role(index))
        draw_text(painter, rect, problem or str(look), self.font(), color, self.alignment(index))

    def cell_width(self, index: Index) -> float:
        """Width that the content needs, without padding."""
        return chip_width(self.text(index), self.font()) - 12

    def text(self, index: Index) -> str:
        """The DisplayRole, made safe."""
        value = value_of(index, Qt.ItemDataRole.DisplayRole)
        return "" if value is None else display_text(str(value), SHOWN)

    def look(self, index: Index) -> object:
        """What the cell would show now: equal where the passing of time changed nothing that can be seen."""
        return self.text(index)

    def problem(self, index: Index) -> str:
        """What to show in `urgent` instead of the text; "" for most cells."""
        return ""

    def font(self) -> QFont:
        """The font of the cell."""
        return fonts.text_font(12)

    def color_role(self, index: Index) -> str:
        """The colour role of the text."""
        return "text"

    def alignment(self, index: Index) -> Qt.AlignmentFlag:
        """Left unless the model's TextAlignmentRole says right."""
        return LEFT


class NoteDelegate(RowDelegate):
    """Words of second rank: the type; a problem stands here in `urgent` (Role.PROBLEM)."""

    def color_role(self, index: Index) -> str:
        """Second rank."""
        return "text2"

    def problem(self, index: Index) -> str:
        """What is wrong with the entry."""
        return display_text(str(value_of(index, Role.PROBLEM) or ""), SHOWN)


class KeyDelegate(RowDelegate):
    """A key in the fixed font, its beginning when the column is too narrow."""

    def font(self) -> QFont:
        """The fixed font."""
        return fonts.mono_font(12)


class FigureDelegate(RowDelegate):
    """Numbers and times, right-aligned."""

    def alignment(self, index: Index) -> Qt.AlignmentFlag:
        """Right."""
        return RIGHT


class QuietFigureDelegate(FigureDelegate):
    """Right-aligned figures of second rank: age, last read."""

    def color_role(self, index: Index) -> str:
        """Second rank."""
        return "text2"


class TagDelegate(RowDelegate):
    """Tags as chips (Role.TAGS); those without room become "+3"."""

    GAP = 4

    def font(self) -> QFont:
        """The small font of chips."""
        return fonts.text_font(11)

    def text(self, index: Index) -> str:
        """All tags in words."""
        return " ".join(self.look(index))

    def cell_width(self, index: Index) -> float:
        """Room for every chip."""
        font = self.font()
        return sum(chip_width(tag, font) + self.GAP for tag in self.look(index))

    def draw_cell(self, painter: QPainter, rect: QRectF, index: Index, look: object, state: RowState) -> None:
        """Chips from left to right; what has no room is counted in the last one."""
        assert isinstance(look, tuple)
        ground = theme.color("surface" if state.is_selected else "hover")
        if state.is_hovered and not state.is_selected:
            ground = theme.color("track")
        left, font = rect.left(), self.font()
        for at, tag in enumerate(look):
            width, rest = chip_width(tag, font), len(look) - at
            room = rect.right() - left - (chip_width(f"+{rest - 1}", font) + self.GAP if rest > 1 else 0)
            if width > room and at:
                tag, width = f"+{rest}", chip_width(f"+{rest}", font)
            box = QRectF(left, rect.top(), min(width, rect.right() - left), rect.height())
            draw_chip(painter, box, tag, font, ground, theme.color("text2"))
            left += width + self.GAP
            if tag == f"+{rest}":
                break

    def look(self, index: Index) -> tuple[str, ...]:
        """The tags."""
        tags = value_of(index, Role.TAGS)
        return tuple(display_text(tag, 60) for tag in tags) if isinstance(tags, Iterable) else ()
