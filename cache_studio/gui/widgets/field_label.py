"""The words beside a field of a form."""

from PySide6.QtWidgets import QLabel

from cache_studio.gui.look.text import plain_label

FIELD_HEIGHT = 30
"""Pixels of a line edit with its border, as the style sheet makes it."""


def field_label(text: str) -> QLabel:
    """A label as high as a field, so that a form layout sets its words on the line of the field's."""
    label = plain_label(text, "note")
    label.setMinimumHeight(FIELD_HEIGHT)
    return label
