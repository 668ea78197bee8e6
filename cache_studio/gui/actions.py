"""One table of everything a user can do: menus, toolbar, shortcuts and their page are derived from it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar

from cache_studio.gui.look.icons import set_icon
from cache_studio.gui.look.text import set_tooltip, tr
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.units import format_count


class Need(StrEnum):
    """What must be there so that an action makes sense."""

    NOTHING = "nothing"
    CACHE = "cache"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """An action. `name` is the method of the window's handlers that does it; `ability` is asked of the cache."""

    name: str
    text: str
    menu: str
    icon: str = ""
    shortcut: str = ""
    need: Need = Need.NOTHING
    ability: Ability | None = None
    checkable: bool = False
    starts_group: bool = False
    """Whether a line stands above it in its menu."""


FILE, EDIT, VIEW, CACHE, TOOLS, HELP = "&File", "&Edit", "&View", "&Cache", "&Tools", "&Help"
ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("attach", "Attach", FILE, "attach", "Ctrl+O"),
    ActionSpec("open_file", "Open file…", FILE, "file"),
    ActionSpec("open_folder", "Open folder…", FILE, "folder"),
    ActionSpec("connect_redis", "Redis server…", FILE, "hexagon"),
    ActionSpec("detach", "Detach", FILE, "", "Ctrl+W", Need.CACHE),
    ActionSpec("export", "Export", FILE, "export", "Ctrl+E", Need.CACHE, starts_group=True),
    ActionSpec("snapshot", "Snapshot", FILE, "snapshot", "", Need.CACHE),
    ActionSpec("quit", "Quit", FILE, "", "Ctrl+Q", starts_group=True),
    ActionSpec("undo", "Undo", EDIT, "undo", "Ctrl+Z", Need.CACHE),
    ActionSpec("copy_key", "Copy key", EDIT, "copy", "", Need.ENTRY, starts_group=True),
    ActionSpec("find", "Search entries", EDIT, "search", "Ctrl+F", Need.CACHE),
    ActionSpec("show_entries", "Entries", VIEW, "", "Ctrl+1", Need.CACHE),
    ActionSpec("show_dashboard", "Dashboard", VIEW, "", "Ctrl+2", Need.CACHE),
    ActionSpec("show_activity", "Activity", VIEW, "", "Ctrl+3", Need.CACHE),
    ActionSpec("show_trash", "Trash", VIEW, "clear", "Ctrl+4"),
    ActionSpec("toggle_caches", "Caches panel", VIEW, "", "", checkable=True, starts_group=True),
    ActionSpec("toggle_facets", "Facets", VIEW, "", "", checkable=True),
    ActionSpec("toggle_entry", "Entry details", VIEW, "", "Ctrl+I", checkable=True),
    ActionSpec("start_page", "Start page", VIEW, "", "", starts_group=True),
    ActionSpec("refresh", "Refresh", CACHE, "refresh", "F5", Need.CACHE),
    ActionSpec("pause", "Pause", CACHE, "pause", "Ctrl+P", Need.CACHE),
    ActionSpec("find_key", "Find by key…", CACHE, "search", "Ctrl+Shift+F", Need.CACHE, Ability.READ),
    ActionSpec("invalidate", "Invalidate", CACHE, "invalidate", "", Need.CACHE, Ability.REMOVE, starts_group=True),
    ActionSpec("invalidate_matching", "Invalidate matching…", CACHE, "", "", Need.CACHE, Ability.REMOVE),
    ActionSpec("purge", "Purge stale", CACHE, "purge", "Ctrl+Shift+P", Need.CACHE, Ability.REMOVE),
    ActionSpec("evict", "Evict…", CACHE, "evict", "", Need.CACHE, Ability.REMOVE),
    ActionSpec("clear", "Clear…", CACHE, "clear", "", Need.CACHE, Ability.REMOVE),
    ActionSpec("set_ttl", "Set TTL…", CACHE, "ttl", "Ctrl+T", Need.CACHE, Ability.SET_EXPIRY),
    ActionSpec("compact", "Compact", CACHE, "compact", "", Need.CACHE, Ability.COMPACT),
    ActionSpec("allow_changes", "Allow changes…", CACHE, "", "", Need.CACHE, checkable=True, starts_group=True),
    ActionSpec("palette", "Command palette…", TOOLS, "search", "Ctrl+K"),
    ActionSpec("settings", "Settings…", TOOLS, "settings", "Ctrl+,"),
    ActionSpec("shortcuts", "Keyboard shortcuts", HELP, "", "Ctrl+/"),
    ActionSpec("about", "About Cache Studio", HELP, ""),
)
"""In menu order."""
TABLE_SHORTCUTS = (("Invalidate the selected entries", "Delete"), ("Show the value of the entry", "Return"))
"""Keys that work while the table has the focus: what they do, the key."""
TOOLBAR: tuple[tuple[str, ...], ...] = (
    ("attach", "refresh"),
    ("invalidate", "purge", "evict", "clear", "set_ttl", "compact"),
    ("export", "snapshot"),
    ("pause",),
)
"""Groups of the toolbar, with lines between them."""


NONE_ALLOWED = Capabilities.of(())


ICON_GAP = 4
"""Pixels between icon and words."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the actions depend on."""

    has_cache: bool = False
    has_entry: bool = False
    capabilities: Capabilities = NONE_ALLOWED
    stale: int | None = None
    paused: bool = False
    writable: bool = False
    listed: bool = False


class ActionSet:
    """The QActions of a window, made from the table; `handler_of` gives the function for a name."""

    def __init__(self, window: QMainWindow, handler_of: Callable[[str], Callable[[], None]]) -> None:
        self._actions: dict[str, QAction] = {}
        self._menus: dict[str, QMenu] = {}
        self._reasons: dict[str, str] = {}
        for spec in ACTIONS:
            self._add(window, spec, handler_of(spec.name))

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def all(self) -> list[tuple[QAction, str]]:
        """Every action in menu order, each with why it cannot be done now; "" where it can."""
        return [(self._actions[spec.name], self._reasons.get(spec.name, "")) for spec in ACTIONS]

    def fill_toolbar(self, toolbar: QToolBar) -> None:
        """Put the toolbar's actions in, text beside icon."""
        toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for at, group in enumerate(TOOLBAR):
            if at:
                toolbar.addSeparator()
            for name in group:
                toolbar.addAction(self._actions[name])

    def update(self, now: Situation) -> None:
        """Enable what makes sense now; what does not says why."""
        for spec in ACTIONS:
            action, reason = self._actions[spec.name], _why_not(spec, now)
            action.setEnabled(not reason)
            self._reasons[spec.name] = reason
            set_tooltip(action, reason or _hint(spec))
        purge = tr("Purge stale") + (f" ({format_count(now.stale)})" if now.stale is not None else "")
        _rename(self._actions["purge"], purge)
        pause = self._actions["pause"]
        if _rename(pause, tr("Resume") if now.paused else tr("Pause")):
            set_icon(pause, "resume" if now.paused else "pause", trailing=ICON_GAP)
        self._actions["allow_changes"].setChecked(now.writable)

    def _add(self, window: QMainWindow, spec: ActionSpec, handler: Callable[[], None]) -> None:
        action = QAction(tr(spec.text), window)
        action.setIconText(tr(spec.text))  # Qt would take the dots away in the toolbar
        action.setObjectName(spec.name)
        action.setCheckable(spec.checkable)
        if spec.icon:
            set_icon(action, spec.icon, trailing=ICON_GAP)
        if spec.shortcut:
            action.setShortcut(QKeySequence(spec.shortcut))
        action.triggered.connect(lambda _checked=False: handler())
        menu = self._menus.get(spec.menu)
        if menu is None:
            menu = self._menus[spec.menu] = window.menuBar().addMenu(tr(spec.menu))
        if spec.starts_group:
            menu.addSeparator()
        menu.addAction(action)
        self._actions[spec.name] = action


def _rename(action: QAction, text: str) -> bool:
    if action.text() == text:
        return False
    action.setText(text)
    action.setIconText(text)
    return True


def shortcut_lines() -> list[tuple[str, str]]:
    """What each shortcut does, in menu order: (text, keys)."""
    return [(tr(spec.text).rstrip("…"), spec.shortcut) for spec in ACTIONS if spec.shortcut] + [
        (tr(text), keys) for text, keys in TABLE_SHORTCUTS
    ]


def _hint(spec: ActionSpec) -> str:
    return tr(spec.text).rstrip("…") + (f" ({spec.shortcut})" if spec.shortcut else "")


def _why_not(spec: ActionSpec, now: Situation) -> str:
    if spec.need is not Need.NOTHING and not now.has_cache:
        return tr("No cache is attached.")
    if spec.need is Need.ENTRY and not now.has_entry:
        return tr("No entry is chosen.")
    if spec.ability is not None:
        if not now.listed:
            return tr("The cache is still being opened.")
        if reason := now.capabilities.why_not(spec.ability):
            return reason
    if spec.name == "purge" and now.stale == 0:
        return tr("No entry is stale.")
    return ""
