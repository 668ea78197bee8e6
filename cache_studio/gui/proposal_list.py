"""The list of what a target could be."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from cache_studio.adapters.registry import get_format
from cache_studio.gui.look.icon_paths import format_icon
from cache_studio.gui.look.icons import icon
from cache_studio.gui.look.text import display_text, tooltip_text, tr
from cache_studio.model.capabilities import ABILITY_WORDS
from cache_studio.model.targets import Target
from cache_studio.services.proposals import Proposal


class ProposalList(QListWidget):
    """One line a proposal and place, the first of them chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("What it could be"))
        self.setIconSize(QSize(20, 20))
        self.setMaximumHeight(76)
        self.setWordWrap(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_proposals(self, proposals: Sequence[Proposal]) -> None:
        """Show these in place of those before."""
        self.clear()
        formats = Counter(proposal.format for proposal in proposals)
        for proposal in proposals:
            told_by_options = formats[proposal.format] > 1
            for place in proposal.places or (proposal.target.location,):
                words = [place] if len(proposal.places) > 1 else []
                words += [f"{proposal.format}: {get_format(proposal.format).title}"]
                words += _option_words(proposal) if told_by_options else []
                self.addItem(_item(proposal, place, [*words, proposal.note]))
        self.setCurrentRow(0)

    def chosen(self) -> Proposal | None:
        """The proposal of the current line, its target the place of that line."""
        item = self.currentItem()
        proposal: Proposal | None = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        return proposal


def _option_words(proposal: Proposal) -> list[str]:
    """What tells a proposal from another one of its format."""
    titles = {option.name: option.title for option in get_format(proposal.format).options}
    return [f"{tr(titles.get(name, name))} {value}" for name, value in proposal.target.options.items()]


def _item(proposal: Proposal, place: str, words: Sequence[str]) -> QListWidgetItem:
    shown = " · ".join(display_text(word, 300) for word in words if word)
    item = QListWidgetItem(icon(format_icon(proposal.format), size=20), shown)
    abilities = get_format(proposal.format).abilities
    offered = ", ".join(tr(word) for word, ability in ABILITY_WORDS if ability in abilities)
    item.setToolTip(tooltip_text(f"{proposal.note or place} {tr('This format offers')}: {offered}."))
    target = Target(place, proposal.format, proposal.target.options, proposal.target.password)
    item.setData(Qt.ItemDataRole.UserRole, replace(proposal, target=target, places=()))
    return item
