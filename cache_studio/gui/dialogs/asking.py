"""What dialogs that ask for a choice share: the frame, and their own bridge to threads that ends with them."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cache_studio.gui.dialogs.frame import DialogHead, Foot, FrameDialog, separator
from cache_studio.gui.look.text import tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.place_marks import place_line
from cache_studio.services.attachment import Place

WIDTH = 520


class AskingDialog(FrameDialog):
    """Head, on which server, a body to fill, Cancel (which has the focus) and one button that accepts."""

    def __init__(
        self,
        parent: QWidget | None,
        icon: str,
        tone: str,
        title: str,
        sentence: str,
        accept: str,
        place: Place | None = None,
    ) -> None:
        """`place`: where it would be done; None where nothing in a cache is changed."""
        super().__init__(parent, title, WIDTH)
        self._place = place
        self.tasks = Tasks(self)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        self.cancel_button = SecondaryButton(tr("Cancel"))
        self.cancel_button.clicked.connect(self.reject)
        self.accept_button = PrimaryButton(accept)
        self.accept_button.clicked.connect(self.accept)
        self._head = DialogHead(icon, tone, title, sentence)
        self._head.close_button.clicked.connect(self.reject)

    def build(self) -> None:
        """Put the filled body between head and foot; to be called at the end of a child's `__init__`."""
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self._head)
        line = None if self._place is None else place_line(self._place)
        if line is not None:
            layout.addWidget(line)
        layout.addLayout(self.body)
        layout.addWidget(separator())
        layout.addWidget(Foot(None, [self.cancel_button, self.accept_button]))
        self.show_content(page)
        self.cancel_button.setFocus()

    def done(self, result: int) -> None:
        """End the threads with the dialog."""
        self.tasks.close()
        super().done(result)
