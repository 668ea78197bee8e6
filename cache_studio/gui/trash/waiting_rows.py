"""The rows of the trash page: entries that wait, by which action they went, and how long they still wait."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from cache_studio.gui.activity.actions_model import moment_words
from cache_studio.gui.item_models.rows_model import Column
from cache_studio.gui.look.text import tr
from cache_studio.gui.places import DAY
from cache_studio.model.units import format_count, format_size
from cache_studio.trash.index import WaitingEntry
from cache_studio.trash.trash import Trash

MOST = 2_000
"""Rows that are shown; a search finds the others."""


@dataclass(frozen=True)
class Found:
    """What one look into the trash found. `entries` and `bytes` are of the whole trash."""

    rows: tuple[WaitingEntry, ...]
    entries: int
    bytes: int


def look(trash: Trash, text: str) -> Found:
    """Blocks on the index of the trash."""
    return Found(tuple(trash.search(text, limit=MOST)), *trash.usage())


def columns(days: Callable[[], int]) -> tuple[Column[WaitingEntry], ...]:
    """The columns; `days` tells for how long the settings keep an entry."""
    return (
        Column("key", lambda entry: entry.key, 280),
        Column("namespace", lambda entry: entry.namespace, 120),
        Column("cache", lambda entry: entry.cache_name, 150),
        Column("size", lambda entry: format_size(entry.size), 90, True),
        Column("removed", lambda entry: moment_words(entry.at), 140),
        Column("kept for", lambda entry: left_words(entry.at, days(), time.time()), 110, True),
        Column("action", lambda entry: f"{tr(entry.verb)} {entry.action_id}", 130),
    )


def left_words(at: float, days: int, now: float) -> str:
    """How long an entry removed at `at` still waits: "12 days"."""
    left = math.ceil((at + days * DAY - now) / DAY)
    if left < 1:
        return tr("until the next start")
    return tr("1 day") if left == 1 else tr("{n} days").replace("{n}", format_count(left))


def usage_words(found: Found, limit: int) -> str:
    """How much waits, and how much may."""
    entries = tr("1 entry waits") if found.entries == 1 else f"{format_count(found.entries)} {tr('entries wait')}"
    return f"{entries}, {format_size(found.bytes)} {tr('of')} {format_size(limit)}"


def shown_words(found: Found, text: str) -> str:
    """What the list leaves out; "" when it shows everything."""
    if len(found.rows) >= MOST:
        return tr("The newest {n} are shown; a search finds the others.").replace("{n}", format_count(MOST))
    if text:
        return tr("{n} keys hold this text.").replace("{n}", format_count(len(found.rows)))
    return ""
