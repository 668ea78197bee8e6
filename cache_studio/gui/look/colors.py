"""The colour roles of the window, light and dark, and the five states of a TTL. One table; all else is derived."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    """How near the end of its TTL an entry is. `UNKNOWN` where no TTL is recorded."""

    FRESH = "fresh"
    SOON = "soon"
    URGENT = "urgent"
    LAST = "last"
    STALE = "stale"
    FOREVER = "forever"
    UNKNOWN = "unknown"


_LIMITS = ((0.0, Urgency.STALE), (30.0, Urgency.LAST), (300.0, Urgency.URGENT), (3600.0, Urgency.SOON))


def urgency(ttl: float) -> Urgency:
    """The state for a TTL in seconds: negative or 0 is stale, `inf` forever, NaN unknown."""
    if math.isnan(ttl):
        return Urgency.UNKNOWN
    if ttl == math.inf:
        return Urgency.FOREVER
    if ttl <= 0:
        return Urgency.STALE
    return next((state for limit, state in _LIMITS if ttl < limit), Urgency.FRESH)


@dataclass(frozen=True, slots=True)
class Pill:
    """Colours of one TTL state: `text` on `ground`; `bar` for its line, chart bars and state dots."""

    text: str
    ground: str
    bar: str


@dataclass(frozen=True, slots=True)
class Colors:
    """Every colour role as `#RRGGBB`. Text roles hold 4.5:1 on the grounds they stand on (disabled text apart)."""

    window: str
    surface: str
    sunken: str
    border: str
    control: str
    text: str
    text2: str
    disabled: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    selected: str
    hover: str
    track: str
    undo_ground: str
    undo_text: str
    undo_link: str
    undo_hover: str
    undo_done: str
    fresh: Pill
    soon: Pill
    urgent: Pill
    last: Pill
    stale: Pill
    dark: bool

    def pill(self, state: Urgency) -> Pill:
        """Colours of a TTL state; forever and unknown have no ground of their own (surface)."""
        if state in (Urgency.FOREVER, Urgency.UNKNOWN):
            return Pill(self.text2, self.surface, self.control)
        found: Pill = getattr(self, state.value)
        return found


LIGHT = Colors(
    window="#F3F5F8",
    surface="#FFFFFF",
    sunken="#F8F9FB",
    border="#DDE2E9",
    control="#8A95A4",
    text="#1A2330",
    text2="#536071",
    disabled="#8B95A3",
    accent="#2160C4",
    accent_hover="#1B52AA",
    accent_soft="#E4EDFB",
    on_accent="#FFFFFF",
    selected="#DCE8FB",
    hover="#EDF1F6",
    track="#E3E8EE",
    undo_ground="#1F2937",
    undo_text="#FFFFFF",
    undo_link="#A9C8FF",
    undo_hover="#465264",
    undo_done="#7FD3AE",
    fresh=Pill("#17694A", "#E3F3EB", "#2E9E73"),
    soon=Pill("#855000", "#FCF0D9", "#BF7C0E"),
    urgent=Pill("#B3261E", "#FCE8E6", "#D64538"),
    last=Pill("#FFFFFF", "#B3261E", "#F3B5AF"),
    stale=Pill("#74398C", "#F3EAF7", "#9A5FB3"),
    dark=False,
)
DARK = Colors(
    window="#13171D",
    surface="#1B2028",
    sunken="#171C23",
    border="#2D3541",
    control="#66717F",
    text="#E4E9F0",
    text2="#9DA9B8",
    disabled="#66717F",
    accent="#7FADFF",
    accent_hover="#9BBFFF",
    accent_soft="#20304A",
    on_accent="#0D1726",
    selected="#24385A",
    hover="#232A34",
    track="#2A323D",
    undo_ground="#2C3542",
    undo_text="#FFFFFF",
    undo_link="#A9C8FF",
    undo_hover="#465264",
    undo_done="#7FD3AE",
    fresh=Pill("#7FD3AE", "#1B382E", "#4FB98B"),
    soon=Pill("#F0BE68", "#3B2F18", "#D9A13C"),
    urgent=Pill("#FF9C92", "#45211F", "#E8695E"),
    last=Pill("#2A0B08", "#FF8A7E", "#8C2B22"),
    stale=Pill("#D9A9EA", "#37273F", "#B47CCB"),
    dark=True,
)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two `#RRGGBB` colours as WCAG defines it: 1 (same) to 21 (black on white)."""
    bright, dim = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
