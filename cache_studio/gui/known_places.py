"""Recent and discovered places for panel and start page: read off the window's thread, told as they come."""

import time
from collections.abc import Mapping
from threading import Event
from typing import Any

from PySide6.QtCore import QObject, Signal

from cache_studio.config.profiles import Profile
from cache_studio.gui.controller import Controller

RECENT = 6
FOUND = 30


class KnownPlaces(QObject):
    """What could be attached.

    Signals:
        changed(): `recent` or `found` are others now.
    """

    changed = Signal()

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.recent: list[Profile] = []
        self.found: list[Mapping[str, Any]] = []
        self.looking = True
        """Also before it begins: nothing is said of what was not looked for."""
        self.read_at = time.time()
        controller.places_changed.connect(self.read_recent)

    def read_recent(self) -> None:
        """Read the remembered caches."""
        profiles = self._controller.studio.profiles
        self._controller.tasks.run(
            "recent places", lambda _stop: profiles.recent(RECENT + 6), self._on_recent, lambda _error: None
        )

    def look(self) -> None:
        """Look for caches in the usual places, anew."""
        tasks = self._controller.tasks
        self.found, self.looking = [], True
        self.changed.emit()

        def work(stop: Event) -> None:
            from cache_studio.services.discover import discover  # the window is drawn without it

            for number, found in enumerate(discover([], stop)):
                if stop.is_set() or number >= FOUND:
                    return
                tasks.tell(lambda found=found: None if stop.is_set() else self._on_found(found))  # type: ignore[misc]

        tasks.run("discover", work, lambda _none: self._on_end(), lambda _error: self._on_end())

    def is_attached(self, target: str) -> bool:
        """Whether a place is attached already."""
        return any(str(one.place.target) == target for one in self._controller.attachments)

    def recent_places(self) -> list[Profile]:
        """Remembered caches that are not attached."""
        return [profile for profile in self.recent if not self.is_attached(profile.target)][:RECENT]

    def found_places(self) -> list[Mapping[str, Any]]:
        """Discovered caches that are neither attached nor remembered."""
        remembered = {profile.target for profile in self.recent}
        return [one for one in self.found if not self.is_attached(one["target"]) and one["target"] not in remembered]

    def _on_recent(self, recent: list[Profile]) -> None:
        self.recent, self.read_at = recent, time.time()
        self.changed.emit()

    def _on_found(self, found: Mapping[str, Any]) -> None:
        self.found.append(found)
        self.changed.emit()

    def _on_end(self) -> None:
        self.looking = False
        self.changed.emit()
