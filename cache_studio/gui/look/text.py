"""Text that may be shown: `tr` for our own words, `display_text` for what caches hold, which is hostile."""

import html
import unicodedata

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

CONTEXT = "CacheStudio"
DISPLAY_LIMIT = 10_000
"""Characters of one text shown at most; the rest is cut and the cut is said."""

_ESCAPES = {"\n": "⏎", "\r": "\\r", "\t": "\\t"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories shown as escapes: control, format (bidi, zero width), surrogate, private, unassigned, breaks."""


def tr(text: str) -> str:
    """Our own `text` in the language of the window."""
    return QCoreApplication.translate(CONTEXT, text)


def display_text(text: str, limit: int = DISPLAY_LIMIT) -> str:
    """`text` on one line with nothing hidden: control, bidi and surrogate characters as escapes, cut at `limit`."""
    head = text[:limit]
    shown = head if head.isascii() and head.isprintable() else "".join(map(_visible, head))
    return shown if len(text) <= limit else f"{shown}… ({len(text) - limit:,} more)"


def display_lines(text: str, line_limit: int = DISPLAY_LIMIT) -> str:
    """Like `display_text`, for views of many lines: line ends stay, each line is made safe and cut by itself."""
    return "\n".join(display_text(line, line_limit) for line in text.split("\n"))


def _visible(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def plain_label(text: str = "", role: str = "", parent: QWidget | None = None) -> QLabel:
    """A label that never reads markup. `role` names a text style of the style sheet (see `style_sheet.LABELS`)."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    if role:
        label.setProperty("role", role)
    if role.startswith(("badge", "key-hint")):  # has a ground of its own, which must hug the words
        label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    return label


def set_tooltip(target: QWidget | QAction, text: str) -> None:
    """Show `text` as it is when the pointer rests on `target`, never as markup; "" takes the tooltip away."""
    target.setToolTip(tooltip_text(text))


def tooltip_text(text: str) -> str:
    """`text` as a tooltip that shows it literally (for the ToolTipRole of a model)."""
    return f"<qt>{html.escape(display_text(text, 2_000))}</qt>" if text else ""
