"""Actions and waiting entries as tables: two sets of columns."""

from datetime import datetime

from cache_studio.gui.item_models.rows_model import Column
from cache_studio.gui.look.text import tr
from cache_studio.model.units import format_count, format_size
from cache_studio.trash.index import STAYING, Action, State, WaitingEntry

UNDO = "undo"
"""The name of the column that offers Undo."""
ACTIONS: tuple[Column[Action], ...] = (
    Column("when", lambda action: moment_words(action.at), 150),
    Column("action", lambda action: tr(action.verb), 90),
    Column("cache", lambda action: action.cache_name, 170),
    Column(
        "entries", lambda action: format_count(action.removed) if action.removed or action.planned else "", 80, True
    ),
    Column("bytes", lambda action: format_size(action.bytes) if action.verb != STAYING else "", 90, True),
    Column("by", lambda action: tr(action.by), 90),
    Column("state", lambda action: state_words(action), 360),
    Column(UNDO, lambda action: tr("Undo") if action.waiting else "", 80, has_heading=False),
)
"""What was done."""
WAITING: tuple[Column[WaitingEntry], ...] = (
    Column("key", lambda entry: entry.key, 320),
    Column("namespace", lambda entry: entry.namespace, 130),
    Column("size", lambda entry: format_size(entry.size), 90, True),
    Column("removed", lambda entry: moment_words(entry.at), 150),
    Column("cache", lambda entry: entry.cache_name, 170),
)
"""Entries that wait in the trash."""


def moment_words(moment: float) -> str:
    """`"20 Nov 2026, 15:42"`, local time."""
    local = datetime.fromtimestamp(moment)
    return f"{local.day} {local:%b %Y, %H:%M}"


def state_words(action: Action) -> str:
    """How far an action is, and what of it still waits."""
    words = _state(action)
    return f"{words}. {action.note}" if action.note else words


def _state(action: Action) -> str:
    waiting = format_count(action.waiting)
    if action.state is State.OPEN:
        return tr("running, or ended by a crash")
    if action.state is State.UNDOING:
        return tr("being undone, or that was ended by a crash")
    if action.state is State.UNDONE:
        return tr("undone {when}").format(when=moment_words(action.undone_at)) if action.undone_at else tr("undone")
    if action.state is State.PARTLY:
        return tr("partly undone, {count} still wait").format(count=waiting)
    if action.waiting:
        return tr("done, can be undone")
    return tr("done, no longer in the trash") if action.removed else tr("done")
