"""Pictures and sounds: a picture drawn to fit, a waveform, and their facts in a line."""

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QImageReader, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from cache_studio.decoding.decoded import Audio, Image
from cache_studio.gui.look import theme
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.cards import role_color

_TILE = 8


def read_picture(image: Image) -> QImage | None:
    """The picture of bytes whose format was recognised; None where it cannot be drawn. Not in the GUI thread.

    The format is named, so that Qt guesses no other one.
    """
    if image.data is None:
        return None
    buffer = QBuffer()
    buffer.setData(QByteArray(image.data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(image.format.encode()))
    reader.setAutoDetectImageFormat(False)
    picture = reader.read()
    return None if picture.isNull() else picture


def picture_words(image: Image) -> str:
    """`"PNG, 512 × 512"` and why it is not drawn."""
    size = f"{image.width:,} × {image.height:,}" if image.width else ""
    return ", ".join(part for part in (image.format.upper(), size, display_text(image.note, 200)) if part)


def sound_words(audio: Audio) -> str:
    """`"WAV, 1.05 s, 24,000 Hz, 1 channel, 16 bits, PCM"`."""
    channels = tr("1 channel") if audio.channels == 1 else tr("{count} channels").format(count=audio.channels)
    facts = (audio.format.upper(), f"{audio.seconds:,.2f} s", f"{audio.rate:,} Hz", channels, f"{audio.bits} bits")
    return ", ".join((*facts, display_text(audio.note, 100))) if audio.rate else audio.format.upper()


class PictureCanvas(QWidget):
    """A picture, shrunk to fit, never enlarged; squares behind it where it is transparent."""

    def __init__(self) -> None:
        super().__init__()
        self._picture: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(80)
        theme.theme().changed.connect(self.update)

    def show_picture(self, picture: QImage | None) -> None:
        """Draw another one."""
        self._picture = picture
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it in the middle."""
        if self._picture is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._picture.size()
        if size.width() > self.width() or size.height() > self.height():
            size = size.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF((self.width() - size.width()) / 2, 0), size.toSizeF())
        if self._picture.hasAlphaChannel():
            self._draw_squares(painter, place)
        painter.drawImage(place, self._picture)
        painter.end()

    def _draw_squares(self, painter: QPainter, place: QRectF) -> None:
        painter.fillRect(place, theme.color("surface"))
        painter.save()
        painter.setClipRect(place)
        for row in range(int(place.height()) // _TILE + 1):
            for column in range(row % 2, int(place.width()) // _TILE + 1, 2):
                corner = place.topLeft() + QPointF(column * _TILE, row * _TILE)
                painter.fillRect(QRectF(corner.x(), corner.y(), _TILE, _TILE), theme.color("track"))
        painter.restore()


class WaveCanvas(QWidget):
    """The waveform: lowest and highest of each stretch of the sound."""

    def __init__(self) -> None:
        super().__init__()
        self._waveform: tuple[tuple[float, float], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(200, 120)

    def show_waveform(self, waveform: tuple[tuple[float, float], ...]) -> None:
        """Draw another one; pairs from -1 to 1."""
        self._waveform = waveform
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, middle line and waveform."""
        painter = QPainter(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(theme.color("border"))
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(box, 6, 6)
        middle, half = box.center().y(), box.height() / 2 - 6
        painter.drawLine(QPointF(8, middle), QPointF(box.right() - 8, middle))
        painter.setPen(QPen(QColor(role_color("accent")), 1))
        width = box.width() - 16
        for at, (low, high) in enumerate(self._waveform):
            across = 8 + (at + 0.5) * width / len(self._waveform)
            painter.drawLine(QPointF(across, middle - high * half), QPointF(across, middle - low * half + 0.5))
        painter.end()


class MediaView(QWidget):
    """A line of facts over a canvas."""

    def __init__(self, name: str, canvas: QWidget) -> None:
        super().__init__()
        self.canvas = canvas
        self._words = plain_label("", "note")
        self._words.setWordWrap(True)
        self.setAccessibleName(name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 4, 16, 12)
        layout.setSpacing(10)
        layout.addWidget(self._words)
        layout.addWidget(canvas, 1)
        if canvas.sizePolicy().verticalPolicy() is QSizePolicy.Policy.Fixed:
            layout.addStretch(1)

    def set_words(self, words: str) -> None:
        """The facts."""
        self._words.setText(words)
        self.setAccessibleDescription(words)
