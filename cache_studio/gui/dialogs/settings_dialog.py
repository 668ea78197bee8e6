"""The settings, derived from the Settings dataclass, and the target hit rate of the cache that is shown."""

from dataclasses import replace

from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox, QWidget

from cache_studio.config.settings import DENSITIES, THEMES, Settings
from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.dialogs.frame import field_rows
from cache_studio.gui.look.text import tr

_MEGABYTE = 1_000_000


class SettingsDialog(AskingDialog):
    """Accept keeps them: ask `settings` and `target_hit_rate` then."""

    def __init__(self, parent: QWidget | None, settings: Settings, target_hit_rate: float) -> None:
        super().__init__(parent, "settings", "accent", tr("Settings"), "", tr("Save"))
        self._before = settings
        self.theme, self.density = _choice(THEMES, settings.theme), _choice(DENSITIES, settings.density)
        self.motion = QCheckBox(tr("Leave out motion"))
        self.motion.setChecked(settings.reduced_motion)
        self.trash_days = _number(1, 3650, settings.trash_days, tr(" days"))
        self.trash_size = _number(0, 2_000_000, round(settings.trash_bytes / _MEGABYTE), tr(" MB"))
        self.history_days = _number(1, 3650, settings.history_days, tr(" days"))
        self.sample = _decimal(0.5, 3600.0, settings.sample_seconds, tr(" s"))
        self.new_target = _decimal(0.0, 100.0, settings.target_hit_rate * 100, " %")
        self.target = _decimal(0.0, 100.0, target_hit_rate * 100, " %")
        rows: tuple[tuple[str, QWidget], ...] = (
            (tr("Theme"), self.theme),
            (tr("Rows of tables"), self.density),
            ("", self.motion),
            (tr("Keep removed entries for"), self.trash_days),
            (tr("Keep of them at most"), self.trash_size),
            (tr("Keep history for"), self.history_days),
            (tr("Sample every"), self.sample),
            (tr("Target hit rate of new caches"), self.new_target),
            (tr("Target hit rate of this cache"), self.target),
        )
        self.body.addLayout(field_rows(rows))
        self.build()

    def settings(self) -> Settings:
        """The settings as chosen."""
        return replace(
            self._before,
            theme=THEMES[self.theme.currentIndex()],
            density=DENSITIES[self.density.currentIndex()],
            reduced_motion=self.motion.isChecked(),
            trash_days=self.trash_days.value(),
            trash_bytes=self._trash_bytes(),
            history_days=self.history_days.value(),
            sample_seconds=self.sample.value(),
            target_hit_rate=round(self.new_target.value() / 100, 4),
        )

    def target_hit_rate(self) -> float:
        """The target of this cache, from 0 to 1."""
        return round(self.target.value() / 100, 4)

    def _trash_bytes(self) -> int:
        """What was not touched keeps its bytes to the last."""
        same = self.trash_size.value() == round(self._before.trash_bytes / _MEGABYTE)
        return self._before.trash_bytes if same else self.trash_size.value() * _MEGABYTE


def _choice(names: tuple[str, ...], current: str) -> QComboBox:
    box = QComboBox()
    box.addItems([tr(name.capitalize()) for name in names])
    box.setCurrentIndex(names.index(current))
    return box


def _number(low: int, high: int, value: int, unit: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(unit)
    box.setGroupSeparatorShown(True)
    box.lineEdit().setTextMargins(6, 0, 0, 0)
    return box


def _decimal(low: float, high: float, value: float, unit: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setDecimals(1)
    box.setValue(value)
    box.setSuffix(unit)
    box.lineEdit().setTextMargins(6, 0, 0, 0)
    return box
