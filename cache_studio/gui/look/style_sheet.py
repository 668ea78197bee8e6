"""The style sheet: what palette and delegates cannot say. Widgets choose a style by the properties named here.

`kind` on a QPushButton: primary, danger, link, flat (QToolButton too). `role` on a QLabel: a name of LABELS.
`tone` on a QLabel: a name of TONES.
`ground` on a QFrame: card, sunken, surface, facets, bar, header, error, search.
"""

import dataclasses
from string import Template

from PySide6.QtWidgets import QWidget

from cache_studio.gui.look.colors import Colors
from cache_studio.gui.look.resources import resource

LABELS: dict[str, str] = {
    "start": "font-size: 28px; font-weight: 600;",
    "heading": "font-size: 18px; font-weight: 600;",
    "title": "font-size: 13px; font-weight: 600;",
    "figure": "font-size: 24px; font-weight: 600;",
    "label": "font-size: 12px; font-weight: 500; color: $text2;",
    "small": "font-size: 12px;",
    "note": "font-size: 12px; color: $text2;",
    "source": "font-size: 11px; color: $text2;",
    "strong": "font-size: 12px; font-weight: 600;",
    "mono": "font-family: 'JetBrains Mono', monospace; font-size: 12px;",
    "mono-note": "font-family: 'JetBrains Mono', monospace; font-size: 12px; color: $text2;",
    "badge": "font-size: 11px; font-weight: 500; color: $text2; background: $hover;"
    " border-radius: 4px; padding: 3px 7px;",
    "badge-good": "font-size: 11px; font-weight: 600; color: $fresh_text; background: $fresh_ground;"
    " border-radius: 4px; padding: 3px 7px;",
    "badge-warn": "font-size: 11px; font-weight: 600; color: $soon_text; background: $soon_ground;"
    " border-radius: 4px; padding: 3px 7px;",
    "badge-bad": "font-size: 11px; font-weight: 600; color: $urgent_text; background: $urgent_ground;"
    " border-radius: 4px; padding: 3px 7px;",
    "badge-loud": "font-size: 11px; font-weight: 600; color: $last_text; background: $last_ground;"
    " border-radius: 4px; padding: 3px 7px;",
    "readout": "font-size: 11px; font-weight: 500; color: $undo_text; background: $undo_ground;"
    " border-radius: 4px; padding: 3px 6px;",
    "key-hint": "font-size: 11px; font-weight: 500; color: $text2; background: $sunken; border: 1px solid $border;"
    " border-radius: 4px; padding: 1px 6px;",
}
"""Text styles by `role`; sizes and weights of the type scale."""

TONES = {
    "good": "color: $fresh_text; font-weight: 600;",
    "warn": "color: $soon_text; font-weight: 600;",
    "bad": "color: $urgent_text; font-weight: 600;",
    "stale": "color: $stale_text; font-weight: 600;",
    "plain": "color: $text2;",
}
"""Meaning by `tone`; always beside words."""

_BASE = """
QToolTip { color: $undo_text; background: $undo_ground; border: 1px solid $undo_ground; padding: 4px 6px; }
QFrame[ground="card"] { background: $surface; border: 1px solid $border; border-radius: 8px; }
QFrame[ground="sunken"] { background: $sunken; border: 1px solid $border; border-radius: 8px; }
QFrame[ground="surface"] { background: $surface; border: 0; }
QFrame[ground="facets"] { background: $surface; border: 0; border-right: 1px solid $border; }
QFrame[ground="header"] { background: $surface; border: 0; border-bottom: 1px solid $border; }
QFrame[ground="bar"] { background: $undo_ground; border-radius: 6px; }
QFrame[ground="error"] { background: $urgent_ground; border: 0; border-bottom: 1px solid $border; }
QFrame[ground="bar"] QLabel { color: $undo_text; }
QFrame[ground="error"] QLabel { color: $urgent_text; }

QMenuBar { background: $window; border: 0; padding: 2px 12px; }
QMenuBar::item { padding: 4px 9px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $surface; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: $selected; color: $text; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $border; margin: 4px 6px; }
QToolBar { background: $window; border: 0; border-bottom: 1px solid $border; padding: 4px 8px; spacing: 4px; }
QToolBar::separator { width: 1px; background: $border; margin: 7px 10px; }
QToolBar QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 5px 3px; }
QToolBar QToolButton:hover { background: $hover; }
QToolBar QToolButton:pressed { background: $selected; }
QToolBar QToolButton:focus { border-color: $accent; }
QToolBar QToolButton#qt_toolbar_ext_button { border: 0; padding: 0;
  qproperty-icon: url("$icons/chevron-down-$theme.svg"); }
QStatusBar { background: $window; border-top: 1px solid $border; font-size: 12px; min-height: 27px; }
QStatusBar::item { border: 0; }
QMainWindow::separator, QSplitter::handle { background: $border; width: 1px; height: 1px; }

QTabBar { background: transparent; font-weight: 500; qproperty-drawBase: 0; }
QTabBar::tab { color: $text2; padding: 10px 16px 10px 16px; border: 0; border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { color: $accent; }
QTabWidget::pane { border: 0; border-top: 1px solid $border; }

QScrollArea, QAbstractScrollArea { border: 0; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $control; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $text2; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
"""

_CONTROLS = """
QPushButton { background: $surface; color: $text; border: 1px solid $control; border-radius: 6px;
  padding: 0 12px; min-height: 30px; font-weight: 500; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $track; }
QPushButton:focus { border: 2px solid $accent; padding: 0 11px; min-height: 28px; }
QPushButton:disabled { color: $disabled; border-color: $border; background: transparent; }
QPushButton[row="true"] { min-height: 26px; font-size: 12px; }
QPushButton[row="true"]:focus { min-height: 24px; }
QPushButton[start="true"] { min-height: 34px; }
QPushButton[start="true"]:focus { min-height: 32px; }
QPushButton[kind="primary"] { background: $accent; color: $on_accent; border-color: $accent; }
QPushButton[kind="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; }
QPushButton[kind="danger"] { background: $last_ground; color: $last_text; border-color: $last_ground; }
QPushButton[kind="danger"]:focus { border: 2px solid $text; }
QPushButton[kind="primary"]:disabled, QPushButton[kind="danger"]:disabled {
  background: $track; color: $disabled; border-color: $track; }
QPushButton[kind="link"] { background: transparent; border: 1px solid transparent; color: $accent; padding: 0 4px;
  min-height: 24px; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border: 1px solid $accent; border-radius: 4px; }
QToolButton[kind="flat"] { background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 3px; }
QToolButton[kind="flat"]:hover { background: $hover; }
QToolButton[kind="flat"]:focus { border-color: $accent; }
QFrame[ground="bar"] QPushButton[kind="link"] { color: $undo_link; font-weight: 600; }
QFrame[ground="bar"] QPushButton[kind="link"]:focus, QFrame[ground="bar"] QToolButton:focus {
  border-color: $undo_link; }
QFrame[ground="bar"] QToolButton:hover { background: $undo_hover; }

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractSpinBox { background: $surface; color: $text;
  border: 1px solid $control; border-radius: 6px; selection-background-color: $accent;
  selection-color: $on_accent; }
QLineEdit, QComboBox, QAbstractSpinBox { min-height: 28px; padding: 0 8px; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {
  border: 2px solid $accent; }
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus { min-height: 26px; padding: 0 7px; }
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled { color: $disabled; border-color: $border; }
QComboBox::drop-down { border: 0; width: 24px; }
QComboBox::down-arrow { image: url("$icons/chevron-down-$theme.svg"); width: 16px; height: 16px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border; selection-color: $text;
  selection-background-color: $selected; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: 0; width: 20px; background: transparent; }
QAbstractSpinBox::up-arrow { image: url("$icons/chevron-up-$theme.svg"); width: 12px; height: 12px; }
QAbstractSpinBox::down-arrow { image: url("$icons/chevron-down-$theme.svg"); width: 12px; height: 12px; }
QCheckBox, QRadioButton { spacing: 8px; }
QCheckBox::indicator, QRadioButton::indicator, QTreeView::indicator, QListView::indicator { width: 14px; height: 14px;
  border: 1px solid $control; border-radius: 4px; background: $surface; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { background: $hover; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid $accent; width: 12px; height: 12px; }
QCheckBox::indicator:checked, QTreeView::indicator:checked, QListView::indicator:checked { border-color: $accent;
  background: $accent; image: url("$icons/check-$theme.svg"); }
QRadioButton::indicator:checked { border-color: $accent; background: $accent;
  image: url("$icons/dot-$theme.svg"); }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: $border; background: $sunken; }
QGroupBox { border: 1px solid $border; border-radius: 8px; margin-top: 18px; padding: 8px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 2px; }
QFrame[ground="search"] { background: $surface; border: 1px solid $control; border-radius: 6px; }
QFrame[ground="search"][active="true"] { border: 2px solid $accent; }
QFrame[ground="search"] QLineEdit { border: 0; background: transparent; padding: 0;
  font-family: 'JetBrains Mono', monospace; font-size: 13px; }
QProgressBar { background: $track; border: 0; border-radius: 3px; min-height: 6px; max-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QHeaderView { background: $sunken; border: 0; }
QHeaderView::section { background: $sunken; color: $text2; border: 0; border-bottom: 1px solid $border;
  padding: 0 8px; font-size: 12px; font-weight: 500; }
QTreeView, QListView, QTableView { background: $surface; color: $text; border: 0;
  selection-background-color: $selected; selection-color: $text; }
"""


def style_sheet(colors: Colors) -> str:
    """The sheet for one table of colours; every `$name` in it is a colour role."""
    sheet = _BASE + _CONTROLS
    sheet += "".join(f'QLabel[role="{name}"] {{ {rule} }}\n' for name, rule in LABELS.items())
    sheet += "".join(f'QLabel[tone="{name}"] {{ {rule} }}\n' for name, rule in TONES.items())
    return Template(sheet).substitute(_names(colors))


def restyle(widget: QWidget, name: str, value: str | bool) -> None:
    """Set the style property `name` of a widget that is already shown, and draw it anew."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def _names(colors: Colors) -> dict[str, str]:
    names: dict[str, str] = {}
    for name, value in dataclasses.asdict(colors).items():
        if isinstance(value, dict):
            names.update({f"{name}_{part}": shade for part, shade in value.items()})
        else:
            names[name] = str(value)
    names["icons"] = resource("icons").as_posix()
    names["theme"] = "dark" if colors.dark else "light"
    return names
