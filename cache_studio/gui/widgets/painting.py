"""Strokes that delegates and small widgets share: elided text, TTL pills, chips, spark lines, state dots."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.colors import Urgency, urgency
from cache_studio.gui.look.text import tr
from cache_studio.model.units import NOT_RECORDED, format_ttl

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter

PILL_HEIGHT = 20
PILL_RADIUS = 5
CHIP_HEIGHT = 20
PULSE_SHARE = 0.22
"""How far the ground of "last" moves at the height of its pulse; its text stays at 4.5:1."""
_PAD = 6
_WITH_LINE = (Urgency.FRESH, Urgency.SOON, Urgency.URGENT, Urgency.LAST)
_SHARE_STEPS = 400
"""More than twice the pixels that the line of a pill can have."""


def draw_text(
    painter: QPainter,
    rect: QRectF,
    text: str,
    font: QFont,
    color: QColor | str,
    align: Qt.AlignmentFlag = LEFT,
) -> float:
    """One line of literal text, elided at the right where `rect` is too narrow; returns the width it took.

    `align` is LEFT, RIGHT or CENTER. Drawn at a point: to have Qt lay it out in a rectangle takes half as long again.
    """
    width, room = text_width(text, font), rect.width()
    if width > room:
        text = _elided(text, font, room)
        width = text_width(text, font)
    left, (ascent, height) = rect.left(), _line(font)
    if align == RIGHT:
        left += room - width
    elif align == CENTER:
        left += (room - width) / 2
    painter.setFont(font)
    painter.setPen(theme.shade(color) if isinstance(color, str) else color)
    painter.drawText(QPointF(left, rect.top() + (rect.height() - height) / 2 + ascent), text)
    return width


@lru_cache(maxsize=128)
def _line(font: QFont) -> tuple[float, float]:
    """Pixels of a line above its base, and of all of it."""
    return _metrics(font).ascent(), _metrics(font).height()


@lru_cache(maxsize=128)
def _metrics(font: QFont) -> QFontMetricsF:
    return QFontMetricsF(font)


@lru_cache(maxsize=512)
def _elided(text: str, font: QFont, room: float) -> str:
    return _metrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room)


@lru_cache(maxsize=2_048)
def text_width(text: str, font: QFont) -> float:
    """The width of a text on one line; kept, because the same cells are drawn again and again."""
    return _metrics(font).horizontalAdvance(text)


def forget_texts() -> None:
    """Let go of the texts whose widths are kept: a cache was detached, and each may hold a megabyte of its memory."""
    text_width.cache_clear()
    _elided.cache_clear()


def ttl_words(ttl: float | None) -> str:
    """The words in a TTL pill; "…" while the TTL is not known yet."""
    if ttl is None:
        return "…"
    if math.isnan(ttl):
        return tr(NOT_RECORDED)
    return format_ttl(ttl)


class PillLook(NamedTuple):
    """What a TTL pill shows: equal where an eye can tell no difference."""

    words: str
    state: Urgency
    share: float | None
    """Of the lifetime that is left, 0 to 1; None where that is not known."""


def pill_look(ttl: float | None, share: float | None) -> PillLook:
    """The pill of a TTL in seconds, NaN or infinity; None while it is not known yet. `share` may be NaN."""
    state = Urgency.UNKNOWN if ttl is None else urgency(ttl)
    if share is None or math.isnan(share) or state not in _WITH_LINE:
        return PillLook(ttl_words(ttl), state, None)
    return PillLook(ttl_words(ttl), state, round(share * _SHARE_STEPS) / _SHARE_STEPS)


def draw_pill(painter: QPainter, rect: QRectF, look: PillLook, pulse: float = 0.0) -> None:
    """A TTL pill 20 px high in the middle of `rect`, whole width. `pulse` 0 to 1 softens the ground of "last"."""
    words, state, share = look
    pill = theme.colors().pill(state)
    box = QRectF(rect.left(), rect.center().y() - PILL_HEIGHT / 2, rect.width(), PILL_HEIGHT)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if state is Urgency.FOREVER:
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), PILL_RADIUS, PILL_RADIUS)
    elif state is not Urgency.UNKNOWN:
        ground = theme.shade(pill.ground)
        if state is Urgency.LAST and pulse > 0:
            ground = _pulsed(ground, pulse)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, PILL_RADIUS, PILL_RADIUS)
    inner = box.adjusted(_PAD, 0, -_PAD, 0)
    if share is not None:
        _draw_share(painter, inner, share, pill.bar)
        inner.translate(0, -1.5)
    weight = fonts.REGULAR if state is Urgency.UNKNOWN else fonts.MEDIUM
    draw_text(painter, inner, words, fonts.text_font(11, weight), pill.text, RIGHT)
    painter.restore()


def _pulsed(ground: QColor, pulse: float) -> QColor:
    """The filled ground on its way to a shade that still carries the text at 4.5:1."""
    return mix(ground, QColor("#000000" if not theme.colors().dark else "#FFFFFF"), PULSE_SHARE * pulse)


def _draw_share(painter: QPainter, inner: QRectF, share: float, color: str) -> None:
    track = QRectF(inner.left(), inner.bottom() - 4, inner.width(), 2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.shade(color, 70))
    painter.drawRoundedRect(track, 1, 1)
    track.setWidth(max(2.0, inner.width() * min(1.0, max(0.0, share))))
    painter.setBrush(theme.shade(color))
    painter.drawRoundedRect(track, 1, 1)


def mix(first: QColor, second: QColor, share: float) -> QColor:
    """`first` with `share` (0 to 1) of `second` in it."""
    keep = 1 - share
    return QColor.fromRgbF(
        first.redF() * keep + second.redF() * share,
        first.greenF() * keep + second.greenF() * share,
        first.blueF() * keep + second.blueF() * share,
    )


def chip_width(text: str, font: QFont) -> float:
    """Width of a tag chip around `text`."""
    return text_width(text, font) + 2 * _PAD


def draw_chip(painter: QPainter, rect: QRectF, text: str, font: QFont, ground: QColor, color: QColor) -> None:
    """A tag chip 20 px high filling the width of `rect`."""
    box = QRectF(rect.left(), rect.center().y() - CHIP_HEIGHT / 2, rect.width(), CHIP_HEIGHT)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(box, 4, 4)
    draw_text(painter, box.adjusted(_PAD, 0, -_PAD + 1, 0), text, font, color, LEFT)
    painter.restore()


def spark_paths(rect: QRectF, values: Sequence[float]) -> list[QPainterPath]:
    """One open path for each run of known values (0 to 1, NaN is a gap): runs are never joined."""
    runs: list[QPainterPath] = []
    step = rect.width() / max(1, len(values) - 1)
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return runs
    low, high = min(known), max(known)
    spread = max(high - low, 0.12)  # a quiet line stays quiet: less than 12 points fill no whole height
    middle = (low + high) / 2
    joined = False
    for at, value in enumerate(values):
        if math.isnan(value):
            joined = False
            continue
        point = QPointF(rect.left() + at * step, rect.center().y() - (value - middle) / spread * rect.height())
        if joined:
            runs[-1].lineTo(point)
        else:
            runs.append(QPainterPath(point))
        joined = True
    return runs


def draw_spark(painter: QPainter, rect: QRectF, values: Sequence[float]) -> None:
    """A small line with soft fill and a dot at its end; a dashed line where nothing is recorded."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    runs = spark_paths(rect.adjusted(1, 2, -2, -3), values)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if not runs:
        pen = QPen(theme.color("control"), 1)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.drawLine(QPointF(rect.left(), rect.center().y()), QPointF(rect.right(), rect.center().y()))
        return
    accent = theme.color("accent")
    for run in runs:
        area = QPainterPath(run)
        area.lineTo(run.currentPosition().x(), rect.bottom())
        area.lineTo(run.elementAt(0).x, rect.bottom())
        area.closeSubpath()
        painter.fillPath(area, theme.color("accent", 34))
        painter.setPen(QPen(accent, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.drawPath(run)
    if values and not math.isnan(values[-1]):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawEllipse(runs[-1].currentPosition(), 2.2, 2.2)
