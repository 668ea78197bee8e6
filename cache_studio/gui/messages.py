"""The only place that shows message boxes: what went wrong, what is our bug, questions, a password."""

import logging
import platform
import traceback

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from cache_studio import __version__
from cache_studio.gui.look import fonts
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import without_passwords

_log = logging.getLogger(__name__)


def show_error(parent: QWidget | None, error: CacheStudioError) -> QMessageBox:
    """Say an error as sentence and hint, without blocking; the box is returned, already open."""
    return _box(parent, QMessageBox.Icon.Warning, error.message, error.hint)


def show_notice(parent: QWidget | None, text: str) -> QMessageBox:
    """Say something a user should know, without blocking."""
    return _box(parent, QMessageBox.Icon.Information, text, "")


def _box(parent: QWidget | None, icon: QMessageBox.Icon, text: str, hint: str) -> QMessageBox:
    box = QMessageBox(icon, tr("Cache Studio"), "", QMessageBox.StandardButton.Ok, parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(display_text(text, 600))
    box.setInformativeText(display_text(hint, 600))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box


def ask_password(parent: QWidget | None, place: str) -> str | None:
    """Ask for the password of a server; it is kept for this session only. None when cancelled."""
    text, given = QInputDialog.getText(
        parent,
        tr("Password"),
        tr("{place} wants a password. It is kept until the window is closed.").replace("{place}", display_text(place)),
        QLineEdit.EchoMode.Password,
    )
    return text if given else None


class ReportBox(QDialog):
    """What is our bug: version, system and traceback to be copied; closing it goes on with the work."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Something went wrong in Cache Studio"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.report = report
        text = QPlainTextEdit(report)
        text.setReadOnly(True)
        text.setFont(fonts.mono_font(12))
        text.setAccessibleName(tr("Report"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(tr("Copy report"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(report))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addWidget(plain_label(tr("This is a bug of ours"), "heading"))
        layout.addWidget(plain_label(tr("Your caches are as they were. You can go on; please send us this report.")))
        layout.addWidget(text, 1)
        layout.addWidget(buttons)
        self.resize(720, 420)


class BugReporter(QObject):
    """Shows one report box at a time; what fails while it is open goes to the log alone."""

    def __init__(self) -> None:
        super().__init__()
        self._box: ReportBox | None = None

    @property
    def box(self) -> ReportBox | None:
        """The box that is open."""
        return self._box

    def report(self, error: BaseException) -> None:
        """Log an unexpected error and show it."""
        _log.error("a bug", exc_info=error)
        if self._box is not None:
            return
        self._box = ReportBox(report_text(error), QApplication.activeWindow())
        self._box.finished.connect(self._forget)
        self._box.open()

    def _forget(self) -> None:
        self._box = None


def report_text(error: BaseException) -> str:
    """What a bug report holds: versions and the traceback; no key, value or target."""
    from PySide6 import __version__ as qt_version

    head = f"Cache Studio {__version__}, Python {platform.python_version()}, Qt {qt_version}, {platform.platform()}"
    return head + "\n\n" + without_passwords("".join(traceback.format_exception(error)))
