"""How a cache is attached, whatever its format: name, target hit rate, environment, read-only."""

from dataclasses import replace

from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.server_form import ENVIRONMENTS, NUMBER_WIDTH
from cache_studio.gui.widgets.field_label import field_label
from cache_studio.gui.widgets.place_marks import unchecked_badge
from cache_studio.model.environments import Environment, starts_writable
from cache_studio.model.targets import Target
from cache_studio.services.attachment import Place
from cache_studio.services.studio import short_name
from cache_studio.services.whereabouts import is_unchecked


class AttachFields(QWidget):
    """What was typed or chosen here stays; what was not follows the target."""

    def __init__(self, target_hit_rate: float) -> None:
        super().__init__()
        self._target: Target | None = None
        self._name_edited = self._environment_chosen = False
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name"))
        self.rate = QSpinBox()
        self.rate.setRange(0, 100)
        self.rate.setSuffix(" %")
        self.rate.setValue(round(target_hit_rate * 100))
        self.rate.setAccessibleName(tr("Target hit rate"))
        self.rate.lineEdit().setTextMargins(6, 0, 0, 0)
        self.rate.setFixedWidth(NUMBER_WIDTH)
        self.environment = QComboBox()
        self.environment.addItems([tr(words) for _mark, words in ENVIRONMENTS])
        self.environment.setAccessibleName(tr("Environment"))
        self.read_only = QCheckBox(tr("Read-only: nothing in the cache can be changed from here"))
        self.unchecked = unchecked_badge()
        self.unchecked.hide()
        self._lay_out()
        self.name.textEdited.connect(self._on_name)
        self.environment.activated.connect(self._on_environment)

    def begin(self, target: Target) -> None:
        """Another cache is about to be attached: its name, its environment's row, whether it opens read-only."""
        self._rows.setRowVisible(self.environment, target.is_url)
        self.read_only.setChecked(not starts_writable(target, self.chosen_environment()))
        if not self._name_edited:
            self.name.setText(display_text(short_name(target), 120))

    def follow(self, target: Target | None) -> None:
        """The target with its options as they are now; None while there is none."""
        self._target = target
        self.unchecked.setVisible(target is not None and is_unchecked(target))

    def chosen_environment(self) -> Environment:
        """What the field says."""
        return ENVIRONMENTS[self.environment.currentIndex()][0]

    def said_environment(self) -> Environment | None:
        """What somebody chose; None while it is only guessed."""
        return self.chosen_environment() if self._environment_chosen else None

    def say_environment(self, environment: Environment) -> None:
        """Somebody chose it elsewhere."""
        self._environment_chosen = True
        self._show_environment(environment)

    def guess_environment(self, environment: Environment) -> None:
        """It is probably this; what somebody chose stays."""
        if not self._environment_chosen:
            self._show_environment(environment)

    def applied_to(self, place: Place) -> Place:
        """The place with what the fields say."""
        return replace(
            place,
            name=self.name.text().strip() or place.name,
            writable=not self.read_only.isChecked(),
            target_hit_rate=self.rate.value() / 100,
            environment=self.chosen_environment() if place.target.is_url else Environment.NONE,
        )

    def _lay_out(self) -> None:
        self._rows = QFormLayout()
        self._rows.setHorizontalSpacing(16)
        self._rows.setVerticalSpacing(6)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for title, field in (("Name", self.name), ("Target hit rate", self.rate), ("Environment", self.environment)):
            self._rows.addRow(field_label(tr(title)), field)
        access = QHBoxLayout()
        access.setSpacing(12)
        access.addWidget(self.read_only)
        access.addWidget(self.unchecked)
        access.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(self._rows)
        column.addLayout(access)

    def _show_environment(self, wanted: Environment) -> None:
        self.environment.setCurrentIndex([mark for mark, _words in ENVIRONMENTS].index(wanted))

    def _on_name(self) -> None:
        self._name_edited = True

    def _on_environment(self) -> None:
        self._environment_chosen = True
        if self._target is not None:
            self.read_only.setChecked(not starts_writable(self._target, self.chosen_environment()))
