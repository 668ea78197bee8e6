"""Facets: a group of conditions with counts and bytes that can be folded."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QSizePolicy, QVBoxLayout, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.icons import paint_icon
from cache_studio.gui.look.text import display_text, tooltip_text
from cache_studio.gui.widgets.painting import LEFT, RIGHT, draw_text
from cache_studio.model.units import format_count, format_size

ROW_HEIGHT = 28
_BOX = 14
_SIZE_WIDTH = 47
_NAME_WIDTH = 44
"""What of a long name is shown at least: the bytes give way to it."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One line of a group: its name as stored, the entries and bytes it has (None: not known)."""

    name: str
    count: int | None = None
    size: float | None = None


class FacetRow(QCheckBox):
    """A check box, the name, count and bytes right-aligned. A long name gives way first, then the bytes."""

    def __init__(self, facet: Facet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facet = facet
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.theme().changed.connect(self.update)
        self.set_facet(facet)

    def set_facet(self, facet: Facet) -> None:
        """Show other figures."""
        self.facet = facet
        name = display_text(facet.name, 200)
        self.setAccessibleName(f"{name}, {format_count(facet.count)}, {format_size(facet.size)}")
        self.setToolTip(tooltip_text(self.accessibleName()))
        self.update()

    def sizeHint(self) -> QSize:
        """The width of the facet column less its padding."""
        return QSize(152, ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Names may be elided."""
        return QSize(100, ROW_HEIGHT)

    def hitButton(self, pos: object) -> bool:
        """The whole row answers a click."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw box, name, count and bytes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, rect = theme.colors(), QRectF(self.rect())
        box = QRectF(0.5, rect.center().y() - _BOX / 2 + 0.5, _BOX - 1, _BOX - 1)
        self._draw_box(painter, box)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRoundedRect(rect.adjusted(-3, 2.5, -0.5, -2.5), 4, 4)
        font, small = fonts.text_font(12), fonts.text_font(11)
        name = display_text(self.facet.name, 200)
        size = "" if self.facet.size is None else format_size(self.facet.size)
        count = "" if self.facet.count is None else format_count(self.facet.count)
        width = QFontMetricsF(font).horizontalAdvance
        if rect.width() - _BOX - 10 - width(count) - _SIZE_WIDTH < min(width(name), _NAME_WIDTH):
            size = ""
        draw_text(painter, rect, size, small, colors.text2, RIGHT)
        counted = rect.adjusted(0, 0, -_SIZE_WIDTH if size else 0, 0)
        used = draw_text(painter, counted, count, font, colors.text, RIGHT)
        named = counted.adjusted(_BOX + 8, 0, -used - 2, 0)
        words = colors.text if self.isEnabled() else colors.disabled
        draw_text(painter, named, name, font, words, LEFT)
        painter.end()

    def _draw_box(self, painter: QPainter, box: QRectF) -> None:
        checked = self.isChecked()
        painter.setPen(QPen(theme.color("accent" if checked else "control"), 1))
        painter.setBrush(theme.color("accent" if checked else ("hover" if self.underMouse() else "surface")))
        painter.drawRoundedRect(box, 3, 3)
        if checked:
            paint_icon(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), "check", theme.colors().on_accent)


class FacetHeader(QAbstractButton):
    """The title of a group with a chevron; folds and unfolds it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(title)
        self.setCheckable(True)
        self.setChecked(True)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """As wide as the column."""
        return QSize(152, 32)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw title and chevron."""
        painter = QPainter(self)
        rect, colors = QRectF(self.rect()), theme.colors()
        draw_text(painter, rect, self.text(), fonts.text_font(12, fonts.SEMIBOLD), colors.text2)
        name = "chevron-down" if self.isChecked() else "chevron-right"
        paint_icon(painter, QRectF(rect.right() - 14, rect.center().y() - 7, 14, 14), name, colors.text2)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRoundedRect(rect.adjusted(-3, 4.5, -0.5, -4.5), 4, 4)
        painter.end()


class FacetGroup(QWidget):
    """A titled group of facets, several of which may be chosen.

    Signals:
        chosen_changed(frozenset): names of the facets that are checked now, changed by the user.
    """

    chosen_changed = Signal(frozenset)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self._header = FacetHeader(title, self)
        self._box = QWidget(self)
        self._rows = QVBoxLayout(self._box)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 8)
        layout.setSpacing(0)
        layout.addWidget(self._header)
        layout.addWidget(self._box)
        self._header.toggled.connect(self._box.setVisible)

    def set_facets(self, facets: Sequence[Facet]) -> None:
        """Show these facets in this order; those chosen before stay chosen where they are still there."""
        chosen, rows = self.chosen(), self.rows()
        for row in rows[len(facets) :]:
            self._rows.removeWidget(row)
            row.deleteLater()
        for row, facet in zip(rows, facets, strict=False):
            row.set_facet(facet)
        for facet in facets[len(rows) :]:
            row = FacetRow(facet)
            row.clicked.connect(self._on_clicked)
            self._rows.addWidget(row)
        self.set_chosen(chosen)

    def rows(self) -> list[FacetRow]:
        """The rows from top to bottom."""
        items = (self._rows.itemAt(at) for at in range(self._rows.count()))
        widgets = (item.widget() for item in items if item is not None)
        return [widget for widget in widgets if isinstance(widget, FacetRow)]

    def chosen(self) -> frozenset[str]:
        """Names of the checked facets."""
        return frozenset(row.facet.name for row in self.rows() if row.isChecked())

    def set_chosen(self, names: frozenset[str]) -> None:
        """Check exactly these, without a signal."""
        for row in self.rows():
            row.setChecked(row.facet.name in names)

    def _on_clicked(self) -> None:
        self.chosen_changed.emit(self.chosen())
