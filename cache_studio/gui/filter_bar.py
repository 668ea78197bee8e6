"""Above the list: the search box, the conditions in force, and chips that add one."""

import re
from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cache_studio.gui.conditions import CHIPS, parts_of
from cache_studio.gui.look.text import plain_label, set_tooltip, tr
from cache_studio.gui.widgets.chips import Chip, ConditionChip
from cache_studio.gui.widgets.search_box import SearchBox
from cache_studio.model.errors import SelectionError
from cache_studio.model.selection import FIELDS, FLAGS
from cache_studio.model.units import NOT_RECORDED

_FIELD = re.compile(rf"(?:^|[\s(])((?:{'|'.join(FIELDS)})(?:!=|<=|>=|[:=<>~]))")
_WORD = re.compile(rf"(?:^|[\s(])({'|'.join((*FLAGS, 'and', 'or', 'not'))})(?=$|[\s)])")
_ROLES = {"stale": "stale", "fresh": "fresh"} | dict.fromkeys(("and", "or", "not"), "text2")


class FilterBar(QFrame):
    """The expression and the ways to edit it.

    Signals:
        expression_changed(str, bool): another expression; whether to apply at once (not typed key by key).
        left_down(): give the table the focus.
    """

    expression_changed = Signal(str, bool)
    left_down = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "header")
        self.search = SearchBox(self)
        self._facet_terms: Collection[str] = ()
        self._shown_label = plain_label(tr("Shown"), "note")
        self._add_label = plain_label(tr("Add"), "note")
        self._chips = [Chip(_chip_words(term)) for term in CHIPS]
        self._conditions: list[ConditionChip] = []
        self._chip_row = QHBoxLayout()
        self._chip_row.setSpacing(8)
        self._chip_row.addWidget(self._shown_label)
        self._chip_row.addWidget(self._add_label)
        for term, chip in zip(CHIPS, self._chips, strict=True):
            chip.clicked.connect(lambda _checked=False, term=term: self._edit(parts_of(self.expression).plus(term)))
            self._chip_row.addWidget(chip)
        self._chip_row.addStretch(1)
        chips = QWidget(self)
        chips.setLayout(self._chip_row)
        self._chip_row.setContentsMargins(0, 0, 0, 0)
        chips.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # clipped rather than widening all
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(chips)
        self.search.text_edited.connect(lambda text: self._on_typed(text, at_once=False))
        self.search.submitted.connect(lambda text: self._on_typed(text, at_once=True))
        self.search.left_down.connect(self.left_down)
        self._draw()

    @property
    def expression(self) -> str:
        """The expression as it stands in the box."""
        return self.search.text()

    def set_expression(self, expression: str) -> None:
        """Put an expression in without a signal."""
        self.search.set_text(expression)
        self.search.clear_problem()
        self._draw()

    def set_facet_terms(self, terms: Sequence[str]) -> None:
        """Which parts of an expression are conditions of facets: they get a chip of their own."""
        if list(terms) != list(self._facet_terms):
            self._facet_terms = list(terms)
            self._draw_conditions()

    def set_counts(self, counts: Sequence[int | None]) -> None:
        """How many entries each chip would leave; None where that is not recorded."""
        for chip, count in zip(self._chips, counts, strict=True):
            chip.set_count(count)
            chip.setEnabled(count is not None)
            set_tooltip(chip, tr(NOT_RECORDED) if count is None else "")

    def show_wrong(self, error: SelectionError) -> None:
        """Underline where the expression is wrong and say what."""
        self.search.set_problem(f"{error.message} {error.hint}".strip(), (error.start, error.end))
        self.search.set_result("")

    def _on_typed(self, text: str, *, at_once: bool) -> None:
        self._draw()
        self.expression_changed.emit(text, at_once)

    def _edit(self, parts: object) -> None:
        text = getattr(parts, "expression", "")
        self.set_expression(text)
        self.expression_changed.emit(text, True)

    def _draw(self) -> None:
        self.search.set_colors(colour_spans(self.expression))
        self._draw_conditions()

    def _draw_conditions(self) -> None:
        texts = [text for text in parts_of(self.expression).texts if self._is_condition(text)]
        if [chip.property("term") for chip in self._conditions] != texts:
            for old in self._conditions:
                self._chip_row.removeWidget(old)
                old.hide()
                old.deleteLater()
            self._conditions = [self._condition_chip(text) for text in texts]
            for at, condition in enumerate(self._conditions):
                self._chip_row.insertWidget(1 + at, condition)
        self._shown_label.setVisible(bool(texts))
        for term, chip in zip(CHIPS, self._chips, strict=True):
            chip.setVisible(term not in texts)
        self._add_label.setVisible(set(CHIPS) - set(texts) != set())

    def _is_condition(self, text: str) -> bool:
        return text in CHIPS or text in self._facet_terms or (text.startswith("(") and " or " in text)

    def _condition_chip(self, text: str) -> ConditionChip:
        chip = ConditionChip(text)
        chip.setProperty("term", text)
        chip.setCursor(Qt.CursorShape.PointingHandCursor)
        chip.clicked.connect(lambda: self._edit(parts_of(self.expression).less(text)))
        return chip


def colour_spans(expression: str) -> list[tuple[int, int, str]]:
    """Where field names and flags stand, with the colour role of each."""
    fields = [(*found.span(1), "accent") for found in _FIELD.finditer(expression)]
    words = [(*found.span(1), _ROLES.get(found.group(1), "accent")) for found in _WORD.finditer(expression)]
    return sorted([*fields, *words])


def _chip_words(term: str) -> str:
    return "problem" if term.startswith("problem") else term
