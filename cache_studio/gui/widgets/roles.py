"""What the delegates read from a model: plain values under these roles.

A str on its way through a QVariant loses characters that are no Unicode (bytes kept by surrogateescape). So a model
gives stored text on after `display_text`; the delegates make it safe once more, which changes nothing then.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from PySide6.QtCore import Qt

_FIRST = int(Qt.ItemDataRole.UserRole)


class Role(IntEnum):
    """Item data roles beyond Qt's own. DisplayRole is the text of a cell, also of a key."""

    TTL = _FIRST + 1
    """float seconds left: negative is stale, `inf` forever, NaN not recorded; None while it is not known yet."""
    TTL_SHARE = _FIRST + 2
    """float 0 to 1, share of the TTL that is left; NaN or None where it is not recorded (no line is drawn)."""
    TAGS = _FIRST + 3
    """tuple[str, ...], each after `display_text`."""
    PROBLEM = _FIRST + 4
    """str: what is wrong with the entry, "" if nothing."""
    CACHE = _FIRST + 5
    """CacheRow or PlaceRow of the left panel."""


class CacheState(StrEnum):
    """What an attachment does now; the dot beside its icon."""

    LIVE = "live"
    READING = "reading"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class CacheRow:
    """An attached cache as the left panel shows it. Unknown figures are None; `spark` holds 0 to 1, NaN is a gap."""

    name: str
    format: str
    state: CacheState = CacheState.LIVE
    read_only: bool = False
    entries: int | None = None
    volume: float | None = None
    hit_rate: float | None = None
    spark: tuple[float, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    """Words in a line of their own, each with the TTL state whose colours it wears: ("production", "urgent")."""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A recent or discovered cache: name, format and one short note such as "2 days ago" or "88.1 MB"."""

    name: str
    format: str
    note: str = ""
