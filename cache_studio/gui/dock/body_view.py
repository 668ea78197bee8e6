"""The body of a response by what it is: a tree, text, a picture, else its first bytes."""

from dataclasses import dataclass

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QStackedWidget

from cache_studio.decoding.views.shapes import Body
from cache_studio.gui.dock.hex_view import HexView
from cache_studio.gui.dock.media_views import MediaView, PictureCanvas, picture_words, read_picture
from cache_studio.gui.dock.text_view import TextView, shown_text
from cache_studio.gui.dock.tree_view import TreeView
from cache_studio.gui.look.text import tr


@dataclass(frozen=True)
class PreparedBody:
    """A body with what takes too long to make on the window's thread."""

    body: Body
    text: str | None
    picture: QImage | None


def prepare_body(body: Body) -> PreparedBody:
    """Make its text safe and read its picture; runs in a thread."""
    decoded = body.decoded
    return PreparedBody(
        body,
        None if decoded.text is None else shown_text(decoded.text),
        None if decoded.image is None else read_picture(decoded.image),
    )


class BodyView(QStackedWidget):
    """One body at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.tree, self.text, self.hex = TreeView(), TextView(), HexView()
        self._canvas = PictureCanvas()
        self.picture = MediaView(tr("Body as a picture"), self._canvas)
        self.tree.setAccessibleName(tr("Body as a tree"))
        self.text.setAccessibleName(tr("Body as text"))
        self.hex.setAccessibleName(tr("Body as bytes"))
        for view in (self.tree, self.text, self.hex, self.picture):
            self.addWidget(view)

    def show_body(self, prepared: PreparedBody) -> None:
        """Show the best view of a body."""
        decoded = prepared.body.decoded
        if decoded.image is not None:
            self._canvas.show_picture(prepared.picture)
            self.picture.set_words(picture_words(decoded.image))
            self.setCurrentWidget(self.picture)
        elif decoded.tree is not None:
            self.tree.show_tree(decoded.tree)
            self.setCurrentWidget(self.tree)
        elif prepared.text is not None:
            self.text.show_text(prepared.text)
            self.setCurrentWidget(self.text)
        else:
            self.hex.show_bytes(prepared.body.head)
            self.setCurrentWidget(self.hex)

    def find_text(self, text: str, step: int) -> tuple[int, int]:
        """Go to the next (1), previous (-1) or nearest (0) place; (its number, how many there are)."""
        view = self.currentWidget()
        return view.find_text(text, step) if isinstance(view, TreeView | TextView | HexView) else (0, 0)
