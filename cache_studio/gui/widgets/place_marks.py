"""What a server is for and whether it was checked, as badges: in the header, in dialogs, in the form of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from cache_studio.gui.look.text import display_text, plain_label, set_tooltip, tr
from cache_studio.model.environments import Environment
from cache_studio.services.whereabouts import NOT_CHECKED, is_unchecked, whereabouts

if TYPE_CHECKING:
    from cache_studio.services.attachment import Place

TONES = {Environment.DEVELOPMENT: "fresh", Environment.STAGING: "soon", Environment.PRODUCTION: "urgent"}
"""The TTL state whose colours a mark wears; it never stands without its word."""
_BADGES = {"fresh": "badge-good", "soon": "badge-warn", "urgent": "badge-bad"}
_UNCHECKED_WHY = "TLS believes whoever answers: anybody on the way can read and change everything."


def environment_badge(environment: Environment) -> QLabel:
    """The word of an environment on its colour; hidden for none."""
    badge = plain_label(tr(environment.value), _BADGES.get(TONES.get(environment, ""), "badge"))
    if environment is Environment.NONE:
        badge.hide()
    return badge


def unchecked_badge() -> QLabel:
    """The loud mark of a connection whose TLS looks away."""
    badge = plain_label(tr(NOT_CHECKED), "badge-loud")
    set_tooltip(badge, tr(_UNCHECKED_WHY))
    badge.setAccessibleDescription(tr(_UNCHECKED_WHY))
    return badge


class PlaceLine(QFrame):
    """The line of a dialog that says on which server something is about to be done; `None` of it for a path."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.setProperty("ground", "sunken")
        where = plain_label(display_text(whereabouts(place.target), 300), "mono")
        where.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        if place.environment is not Environment.NONE:
            row.addWidget(environment_badge(place.environment))
        row.addWidget(where, 1)
        if is_unchecked(place.target):
            row.addWidget(unchecked_badge())
        marks = [tr(place.environment.value)] if place.environment is not Environment.NONE else []
        marks += [where.text()] + ([tr(NOT_CHECKED)] if is_unchecked(place.target) else [])
        self.setAccessibleName(", ".join(marks))


def place_line(place: Place) -> QWidget | None:
    """The line for a server; None for a path, whose name is in the title already."""
    return PlaceLine(place) if place.target.is_url else None
