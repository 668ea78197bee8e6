"""The page of a plan: figures, the largest entries with their reasons, what goes from where, what stays."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cache_studio.gui.dialogs.plan_lines import FIRST, PlanLinesModel, plan_table
from cache_studio.gui.dialogs.plan_words import (
    NAMESPACES_SHOWN,
    PlanFigures,
    entries_words,
    group_name,
    size_words,
    stays,
)
from cache_studio.gui.look import theme
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.bar_list import Bar, BarList
from cache_studio.gui.widgets.buttons import LinkButton
from cache_studio.gui.widgets.entry_table import HEADER_HEIGHT
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.model.plans import Plan, Verb
from cache_studio.model.statistics import Group
from cache_studio.model.units import format_count, format_size

_SIDE_WIDTH = 264


class FigureBox(QFrame):
    """One figure of a plan: what it is, the figure, a few words beside it."""

    def __init__(self, title: str, figure: str, words: str) -> None:
        super().__init__()
        self.setProperty("ground", "sunken")
        self.setAccessibleName(f"{title} {figure} {words}")
        value = plain_label(figure, "heading")
        beside = plain_label(words, "note")
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(value)
        line.addWidget(beside, 1, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(4)
        layout.addWidget(plain_label(title, "label"))
        layout.addLayout(line)


class PlanPage(QWidget):
    """Everything of a plan between head and foot."""

    def __init__(self, figures: PlanFigures) -> None:
        super().__init__()
        self.model = PlanLinesModel(figures)
        self.table = plan_table(self.model)
        self.table.setMinimumHeight(HEADER_HEIGHT + int(theme.theme().density) * min(FIRST, figures.plan.count) + 2)
        self._heading = plain_label("", "title")
        self._order = plain_label(tr("largest first"), "note")
        count = figures.plan.count
        self.all_button = LinkButton(tr("Show all {count}").format(count=format_count(count)))
        self.all_button.clicked.connect(self._show_all)
        self._count = count
        self._say_heading(min(FIRST, count))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(_boxes(figures))
        middle = QHBoxLayout()
        middle.setSpacing(24)
        middle.addLayout(self._list(), 1)
        middle.addWidget(_side(figures.plan))
        layout.addLayout(middle, 1)
        layout.addWidget(_notes((*figures.plan.notes, _CHANGED)))
        # Not before they have a place: what is shown without one is a window.
        self.all_button.setVisible(count > FIRST)
        self._order.setVisible(count > 1)

    def _list(self) -> QVBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._heading)
        head.addWidget(self._order)
        head.addStretch(1)
        head.addWidget(self.all_button)
        frame = QFrame()
        frame.setProperty("ground", "card")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.table)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(frame)
        column.addStretch(1)
        return column

    def _show_all(self) -> None:
        self.model.show_all()
        self._say_heading(self._count)
        self.all_button.hide()
        self.table.setFocus()

    def _say_heading(self, shown: int) -> None:
        if shown < self._count:
            words = tr("First {shown} of {count}").format(shown=shown, count=format_count(self._count))
        else:
            words = tr("All {entries}").format(entries=entries_words(self._count)) if shown > 1 else tr("One entry")
        self._heading.setText(words)


_CHANGED = "An entry that changes before its turn is kept and reported."


def _boxes(figures: PlanFigures) -> QHBoxLayout:
    plan = figures.plan
    row = QHBoxLayout()
    row.setSpacing(16)
    whole = format_size(plan.size + plan.kept_size)
    words = tr("entry") if plan.count == 1 else tr("entries")
    kept = tr("entry, {size}") if plan.kept == 1 else tr("entries, {size}")
    row.addWidget(FigureBox(tr("Removed"), format_count(plan.count), words))
    beside = tr("of {size}").format(size=whole) if figures.size is not None else ""
    row.addWidget(FigureBox(tr("Freed") if plan.frees_at_once else tr("Size"), size_words(figures.size), beside))
    kept_words = kept.format(size=format_size(plan.kept_size)) if figures.size is not None else words
    row.addWidget(FigureBox(tr("Kept"), format_count(plan.kept), kept_words))
    return row


def _side(plan: Plan) -> QWidget:
    """By namespace, stale for, what stays: scrolls where there is more than the table is high."""
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 8, 0)
    column.setSpacing(4)
    role = "stale" if plan.verb is Verb.PURGE else "accent"
    parts = ((tr("By namespace"), _namespaces(plan)), (tr("Stale for"), plan.stale_for))
    for title, groups in parts:
        if not groups:
            continue
        bars = BarList(title)
        bars.use_text_font()
        bars.set_bars(_bars(groups, role))
        column.addWidget(plain_label(title, "title"))
        column.addWidget(bars)
        column.addSpacing(8)
    column.addWidget(plain_label(tr("What stays"), "title"))
    for line in stays(plan):
        column.addWidget(IconNote("check" if plan.kept else "info", line, "fresh" if plan.kept else "text2", "small"))
    column.addStretch(1)
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFixedWidth(_SIDE_WIDTH)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setMinimumHeight(min(inside.sizeHint().height() + 4, 420))
    area.viewport().setAutoFillBackground(False)
    inside.setAutoFillBackground(False)
    return area


def _namespaces(plan: Plan) -> list[Group]:
    """Namespaces that lose entries, then (while there is room) those that lose none."""
    groups = sorted(plan.by_namespace, key=lambda group: -group.entries)
    if len(groups) > NAMESPACES_SHOWN:
        rest = groups[NAMESPACES_SHOWN - 1 :]
        entries, size = sum(group.entries for group in rest), sum(group.size for group in rest)
        name = tr("{count} more").format(count=format_count(len(rest)))
        return [*groups[: NAMESPACES_SHOWN - 1], Group(name, entries, size, 0, 0)]
    names = {group.name for group in groups}
    spared = [Group(group.name, 0, 0, 0, 0) for group in plan.kept_by_namespace if group.name not in names]
    return [*groups, *spared[: max(0, 3 - len(groups))]]


def _bars(groups: Sequence[Group], role: str) -> list[Bar]:
    most = max(group.entries for group in groups) or 1
    return [Bar(group_name(group.name), group.entries, group.size, ((role, group.entries / most),)) for group in groups]


def _notes(notes: Sequence[str]) -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for text in notes:
        label = plain_label(display_text(tr(text), 600), "note")
        label.setWordWrap(True)
        column.addWidget(label)
    return box
