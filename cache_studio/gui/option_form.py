"""A form made from the declared options of a format: one field each, filled with what was guessed."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

from cache_studio.gui.look.text import set_tooltip, tr
from cache_studio.gui.widgets.field_label import field_label
from cache_studio.model.options import Option, OptionKind

_EXAMPLES = {
    OptionKind.DURATION: "30s, 5m, 24h, 7d or none",
    OptionKind.SIZE: "100kb, 5mb or 1gb",
    OptionKind.NUMBER: "a number",
    OptionKind.NAME: "none",
}


class OptionForm(QWidget):
    """The options of a format as fields.

    Signals:
        edited(): the user changed one.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options: tuple[Option, ...] = ()
        self._fields: dict[str, QLineEdit | QComboBox] = {}
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 8, 0)
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(6)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)

    def set_options(self, options: Sequence[Option], values: Mapping[str, str]) -> None:
        """Show these options with these values, in place of those before."""
        while self._form.rowCount():
            self._form.removeRow(0)
        self._options = tuple(options)
        self._fields = {option.name: self._field(option, values.get(option.name, "")) for option in options}
        for option in options:
            label = field_label(tr(option.title))
            set_tooltip(label, tr(option.help))
            self._form.addRow(label, self._fields[option.name])

    def values(self) -> dict[str, str]:
        """What is written in the fields, as a user would write it in a target; defaults and empty ones left out."""
        written = {name: _text(field).strip() for name, field in self._fields.items()}
        return {
            option.name: written[option.name]
            for option in self._options
            if written[option.name] and written[option.name] != option.default
        }

    def field(self, name: str) -> QLineEdit | QComboBox:
        """The field of an option."""
        return self._fields[name]

    def _field(self, option: Option, value: str) -> QLineEdit | QComboBox:
        field: QLineEdit | QComboBox
        if option.kind is OptionKind.CHOICE:
            field = QComboBox()
            field.addItems(list(option.choices))
            field.setCurrentText(value or option.default)
            field.currentTextChanged.connect(self.edited)
        else:
            field = QLineEdit(value or option.default)
            field.setPlaceholderText(tr(_EXAMPLES.get(option.kind, "")))
            field.textEdited.connect(self.edited)
        field.setAccessibleName(tr(option.title))
        set_tooltip(field, tr(option.help))
        return field


def _text(field: QLineEdit | QComboBox) -> str:
    return field.currentText() if isinstance(field, QComboBox) else field.text()
