"""The facets beside the list: namespaces, lifetime, tags. Choosing one edits the expression."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from cache_studio.gui.conditions import chosen_in, lifetime_terms, with_chosen
from cache_studio.gui.entry_feed import FacetFigures
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.widgets.facets import Facet, FacetGroup
from cache_studio.model.statistics import Group

WIDTH = 184


class FacetsPanel(QFrame):
    """Three groups of facets.

    Signals:
        expression_changed(str): the user chose; the expression that says so.
    """

    expression_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "surface")  # the splitter draws the line beside it
        self.setAccessibleName(tr("Facets"))
        self._expression = ""
        scroll = QScrollArea(self)
        inner = QWidget(scroll.viewport())
        self._groups = {
            "namespaces": FacetGroup(tr("Namespaces"), inner),
            "lifetime": FacetGroup(tr("Lifetime"), inner),
            "tags": FacetGroup(tr("Tags"), inner),
        }
        self._terms: dict[str, Mapping[str, str]] = {"namespaces": {}, "lifetime": lifetime_terms(), "tags": {}}
        self._more = {name: plain_label("", "source") for name in self._groups}
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 4, 12, 8)
        column.setSpacing(0)
        for name, group in self._groups.items():
            column.addWidget(group)
            column.addWidget(self._more[name])
            self._more[name].hide()
            group.hide()
            group.chosen_changed.connect(lambda chosen, name=name: self._on_chosen(name, chosen))
        column.addStretch(1)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        scroll.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 1, 0)
        layout.addWidget(scroll)
        self.setMinimumWidth(140)

    @property
    def terms(self) -> list[str]:
        """Every condition that a facet can add."""
        return [term for terms in self._terms.values() for term in terms.values()]

    def set_expression(self, expression: str) -> None:
        """Check the facets that the expression selects."""
        self._expression = expression
        for name, group in self._groups.items():
            group.set_chosen(frozenset(_label(stored) for stored in chosen_in(expression, self._terms[name])))

    def set_figures(self, figures: FacetFigures) -> None:
        """Show counts and bytes; a group without anything to choose is left out."""
        self._terms["namespaces"], self._terms["tags"] = figures.namespaces.terms, figures.tags.terms
        has_names = any(group.name for group in figures.namespaces.groups)
        self._show("namespaces", figures.namespaces.groups, figures.namespaces.more, visible=has_names)
        self._show("tags", figures.tags.groups, figures.tags.more, visible=bool(figures.tags.groups))
        self._show("lifetime", figures.lifetimes, 0, visible=True)
        self.set_expression(self._expression)

    def _show(self, name: str, groups: Sequence[Group], rest: int, *, visible: bool) -> None:
        self._groups[name].set_facets([Facet(_label(one.name), one.entries, one.size) for one in groups])
        self._groups[name].setVisible(visible)
        self._more[name].setText(tr("and {n} more").replace("{n}", f"{rest:,}"))
        self._more[name].setVisible(visible and rest > 0)

    def _on_chosen(self, name: str, labels: frozenset[str]) -> None:
        terms = self._terms[name]
        chosen = [stored for stored in terms if _label(stored) in labels]
        self._expression = with_chosen(self._expression, terms, chosen)
        self.expression_changed.emit(self._expression)


def _label(name: str) -> str:
    return name or tr("(none)")
