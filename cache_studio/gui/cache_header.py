"""The head of a cache's page, 96 px: name, format, target, hit rate against its target, and the tabs."""

import time

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cache_studio.gui.look import icons, theme
from cache_studio.gui.look.icon_paths import format_icon
from cache_studio.gui.look.style_sheet import restyle
from cache_studio.gui.look.text import display_text, plain_label, set_tooltip, tr
from cache_studio.gui.places import short_target
from cache_studio.gui.tabs import TABS
from cache_studio.gui.widgets.bars import StateDot
from cache_studio.gui.widgets.cards import role_color
from cache_studio.gui.widgets.elided_label import ElidedLabel
from cache_studio.gui.widgets.place_marks import TONES, environment_badge, unchecked_badge
from cache_studio.gui.widgets.tabs import PageTabs
from cache_studio.model.seeing import Counters, Scope
from cache_studio.model.units import NOT_RECORDED, format_age
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import Phase, Standing
from cache_studio.services.whereabouts import is_unchecked

HEIGHT = 96
LEAST_WIDTH = 560
"""A page may become this narrow; what then has no room in the head is left out, the less needed first."""
_LEAST_NAME, _LEAST_TARGET = 24, 110
_MARGIN, _SPACING = 16, 8
STRIP = 3
"""Height of the line in the colour of the environment."""
_DOTS = {Phase.LIVE: "fresh", Phase.PAUSED: "control", Phase.UNREACHABLE: "urgent", Phase.CLOSED: "control"}


class CacheHeader(QFrame):
    """The head of a page.

    Signals:
        tab_chosen(int): index in TABS.
    """

    tab_chosen = Signal(int)

    def __init__(self, attachment: Attachment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "header")
        self._attachment = attachment
        place = attachment.place
        self._icon = QLabel()
        self._name = plain_label(display_text(place.name, 120), "heading")
        self._name.setMinimumWidth(_LEAST_NAME)
        set_tooltip(self._name, place.name)
        self._format = plain_label(place.format.name, "badge")
        self._read_only = plain_label(tr("read-only"), "badge")
        self._lock = QLabel()
        self.environment = environment_badge(place.environment)
        self.unchecked = unchecked_badge()
        self._strip = QFrame(self)
        self._strip.setFixedHeight(STRIP)
        self._target = ElidedLabel("mono-note")
        self._target.set_words(short_target(place.target), str(place.target))
        self._rate = plain_label("", "note")
        self._met = plain_label("", "badge-good")
        self._dot = StateDot("fresh")
        self._live = plain_label("", "note")
        self.tabs = PageTabs(tr("Views of the cache"), [tr(name) for name in TABS])
        self._lay_out()
        self.tabs.currentChanged.connect(self._on_tab)
        theme.theme().changed.connect(self._restyle)
        self._restyle()
        self.show_standing(attachment.standing)

    def _lay_out(self) -> None:
        title = QHBoxLayout()
        title.setContentsMargins(_MARGIN, 12, _MARGIN, 0)
        title.setSpacing(_SPACING)
        left: tuple[QWidget, ...] = (
            self._icon, self._name, self.environment, self.unchecked, self._format, self._lock, self._read_only
        )  # fmt: skip
        for widget in left:
            title.addWidget(widget)
        title.addWidget(self._target, 1)
        right: tuple[QWidget, ...] = (self._rate, self._met, self._dot, self._live)
        for widget in right:
            title.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._strip)
        layout.addLayout(title, 1)
        layout.addWidget(self.tabs)
        self._strip.setVisible(bool(self._strip_role()))
        self.unchecked.setVisible(is_unchecked(self._attachment.place.target))
        self.setFixedHeight(HEIGHT)
        self.setMinimumWidth(LEAST_WIDTH)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say what there is room for."""
        super().resizeEvent(event)
        self.show_standing(self._attachment.standing)

    def show_standing(self, standing: Standing) -> None:
        """Show rate, target and state as they are now."""
        place, counters = self._attachment.place, standing.counters
        rate = counters.hit_rate
        met = rate is not None and rate >= place.target_hit_rate
        self._met.setText(f"{tr('target')} {place.target_hit_rate * 100:.0f} % {tr('met') if met else tr('not met')}")
        restyle(self._met, "role", "badge-good" if met else "badge-warn")
        self._read_only.setVisible(not place.writable)
        self._dot.set_role(_DOTS.get(standing.phase, "soon"))
        self.tick(time.time())
        self._fit(counters)

    def tick(self, now: float) -> None:
        """Say how old the figures are."""
        standing = self._attachment.standing
        age = f", {format_age(now - standing.at)} {tr('ago')}" if standing.view is not None else ""
        self._live.setText(tr(standing.phase.value) + age)

    def _fit(self, counters: Counters) -> None:
        """Show what there is room for beside the target, the most needed first."""
        kept = (self._icon, self._name, self.environment, self.unchecked, self._read_only, self._dot, self._live)
        room = self.width() - 2 * _MARGIN - _LEAST_TARGET - sum(_wide(one) for one in kept if not one.isHidden())
        short, whole = _rate_words(counters)
        metrics = self._rate.fontMetrics()
        rate_width = metrics.horizontalAdvance(short) + _SPACING
        dashboard = TABS[self.tabs.currentIndex()] == "Dashboard"  # which shows the rate itself
        is_known = counters.hit_rate is not None
        for part, wanted, width in (
            (self._rate, not dashboard, rate_width),
            (self._met, is_known and not dashboard, _wide(self._met)),
            (self._format, True, _wide(self._format)),
            (self._lock, not self._attachment.place.writable, _wide(self._lock)),
        ):
            has_room = wanted and width <= room
            part.setVisible(has_room)
            room -= width if has_room else 0
        room -= max(0, self._target.whole_width() - _LEAST_TARGET)
        self._rate.setText(whole if metrics.horizontalAdvance(whole) + _SPACING - rate_width <= room else short)
        set_tooltip(self._rate, whole)

    def _strip_role(self) -> str:
        """The colour above the head of a server that is not to be taken for another one; "" for none."""
        place = self._attachment.place
        return "urgent" if is_unchecked(place.target) else TONES.get(place.environment, "")

    def _on_tab(self, at: int) -> None:
        self.show_standing(self._attachment.standing)
        self.tab_chosen.emit(at)

    def _restyle(self) -> None:
        ratio = self.devicePixelRatioF()
        colors = theme.colors()
        self._icon.setPixmap(icons.pixmap(format_icon(self._attachment.place.format.name), colors.text, 18, ratio))
        if role := self._strip_role():
            self._strip.setStyleSheet(f"background: {role_color(role)}; border: 0;")
        self._lock.setPixmap(icons.pixmap("lock", colors.text2, 14, ratio))


def _wide(widget: QWidget) -> int:
    return widget.sizeHint().width() + _SPACING


def _rate_words(counters: Counters) -> tuple[str, str]:
    """The hit rate, and the same with where it is from and what it is of."""
    if counters.hit_rate is None:
        words = f"{tr('Hit rate')} {tr(NOT_RECORDED)}"
        return words, words
    words = f"{tr('Hit rate')} {counters.hit_rate * 100:.0f} %"
    source = f", {tr(counters.source.value)}" if counters.source else ""
    return words, words + source + (f", {tr('whole server')}" if counters.scope is Scope.SERVER else "")
