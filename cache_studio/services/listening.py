"""Hears what a cache itself tells of its changes, and passes the names on to its attachment."""

import logging
import threading

from cache_studio.adapters.base import Announcements
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheStudioError
from cache_studio.services.agenda import POLL_EVERY, POLL_RARELY
from cache_studio.services.attachment import Attachment

_log = logging.getLogger(__name__)


class Listening:
    """One thread for one attachment; it ends with `end`, or by itself when the announcements break off."""

    def __init__(self, attachment: Attachment, announcements: Announcements) -> None:
        """Begin to listen. While every change is told, the cache is listed anew less often."""
        self._attachment = attachment
        self._announcements = announcements
        self._ended = threading.Event()
        if announcements.complete:
            attachment.poll(POLL_RARELY)
        self._thread = threading.Thread(target=self._listen, name=f"listening {attachment.place.name}", daemon=True)
        self._thread.start()

    @property
    def active(self) -> bool:
        """Whether it still hears."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Stop; leaves no thread. Safe to call twice."""
        self._ended.set()
        self._announcements.stop()
        self._thread.join()

    def _listen(self) -> None:
        try:
            for names in self._announcements.changes():
                self._attachment.note_changes(names)
        except CacheStudioError as error:
            _log.info("Changes of “%s” are not told any more: %s", self._attachment.place.name, error.message)
        finally:
            self._announcements.close()
            self._attachment.poll(POLL_EVERY)
            if not self._ended.is_set():
                self._attachment.note_changes(None)


class Ear:
    """Listens for a command, which has no monitor; `keep_up` now and then, `end` at last."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._listening: Listening | None = None

    def keep_up(self) -> None:
        """Listen, again where it broke off; a cache that tells nothing by itself is let be. Blocks."""
        if self._listening is not None and self._listening.active:
            return
        self.end()
        standing = self._attachment.standing
        if standing.watched or not standing.capabilities.can(Ability.WATCH):
            return
        try:
            announcements = self._attachment.call(lambda adapter: adapter.announcements()).result()
        except CacheStudioError as error:
            _log.info("Changes of “%s” are not told: %s", self._attachment.place.name, error)
            return
        if announcements is not None:
            self._listening = Listening(self._attachment, announcements)

    def __enter__(self) -> "Ear":
        """Nothing is heard before `keep_up`."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End it."""
        self.end()

    def end(self) -> None:
        """Stop; leaves no thread. Safe to call twice."""
        if self._listening is not None:
            self._listening.end()
            self._listening = None
