"""Has what a cache lives in announce changes and misses, when somebody asks for it, and takes that back afterwards.

What was set before is noted in the user's data folder before anything is changed. Each studio that relies on it
holds a claim, which ends with its process at the latest; whoever comes after the last one sets it back.
"""

import hashlib
import json
import logging
import secrets
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from cache_studio.adapters.base import Adapter, Announces
from cache_studio.config.claims import Claim, claimed, try_claim
from cache_studio.config.files import write_whole
from cache_studio.config.paths import private_folder
from cache_studio.model.errors import CacheStudioError, UnsupportedAction
from cache_studio.services.attachment import Attachment

LONGEST_GOODBYE = 3.0
"""Seconds that setting it back may take when a cache is detached; else the next attaching does it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """What was changed and is to be set back."""

    announcer: str
    before: str
    after: str


class Announcing:
    """The announcements that this studio asked for or relies on. Any thread may use it."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when something is noted."""
        self._folder = folder
        self._lock = Lock()
        self._held: dict[str, Claim] = {}
        self._relying: dict[int, str] = {}
        """Attachments by their identity -> what announces for them."""

    def notices(self) -> list[str]:
        """A sentence for each setting that a studio left changed when it was killed."""
        return [
            f"The server at {note.announcer} still announces changes for a Cache Studio that was ended. "
            "Attach it to have that set back."
            for note in self._notes()
            if not self._is_held(note.announcer)
        ]

    def begin(self, attachment: Attachment) -> "Future[bool]":
        """Let it announce changes and misses; whether anything had to be changed for that.

        UnsupportedAction, with the line to enter by hand, where that is not allowed.
        """
        return attachment.call(lambda adapter: self._begin(attachment, adapter))

    def meet(self, attachment: Attachment) -> None:
        """A cache was opened: rely on what others had it announce, or set back what a killed studio left.

        On the attachment's thread only.
        """
        if any(self._files("*.json")):
            attachment.call(lambda adapter: self._meet(attachment, adapter))

    def leave(self, attachment: Attachment) -> None:
        """A cache is about to be detached: the last one sets back what was changed. Blocks a little."""
        with self._lock:
            announcer = self._relying.pop(id(attachment), "")
            if not announcer or announcer in self._relying.values():
                return
        try:
            attachment.call(lambda adapter: self._set_back(adapter)).result(LONGEST_GOODBYE)
        except (CacheStudioError, TooLate) as error:
            _log.info("%s is not set back now: %s", announcer, error)
            self._release(announcer)

    def _begin(self, attachment: Attachment, adapter: Adapter) -> bool:
        if not isinstance(adapter, Announces):
            raise UnsupportedAction("This cache cannot be made to announce its changes.")
        if not attachment.place.writable:
            raise UnsupportedAction("Attached read-only, so no setting is changed.", "Attach it to be changed.")
        announcer = adapter.announcer()
        private_folder(self._folder)
        with claimed(self._path(announcer, "lock")):
            before, after = adapter.announcing()
            if before == after:
                if self._note(announcer) is not None:
                    self._rely(attachment, announcer)
                return False
            # Noted before it is done: a kill in between leaves a note of what never was, which changes nothing.
            self._write(Note(announcer, before, after))
            self._rely(attachment, announcer)
            if not adapter.announce(before, after):
                raise UnsupportedAction("Somebody else changed that setting just now.", "Try again.")
            self._write(Note(announcer, before, adapter.announcing()[0]))
        return True

    def _meet(self, attachment: Attachment, adapter: Adapter) -> None:
        if not isinstance(adapter, Announces):
            return
        announcer = adapter.announcer()
        with claimed(self._path(announcer, "lock")):
            if self._note(announcer) is None:
                return
            if self._is_held(announcer):
                self._rely(attachment, announcer)
            else:
                self._restore(adapter)

    def _set_back(self, adapter: Adapter) -> None:
        assert isinstance(adapter, Announces)
        announcer = adapter.announcer()
        with claimed(self._path(announcer, "lock")):
            self._release(announcer)
            if not self._is_held(announcer):
                self._restore(adapter)

    def _restore(self, adapter: Announces) -> None:
        note = self._note(adapter.announcer())
        if note is not None:
            if not adapter.announce(note.after, note.before):
                _log.info("%s was set by somebody else meanwhile: it stays.", note.announcer)
            self._path(note.announcer, "json").unlink(missing_ok=True)

    def _rely(self, attachment: Attachment, announcer: str) -> None:
        with self._lock:
            self._relying[id(attachment)] = announcer
            if announcer not in self._held:
                claim = try_claim(self._path(announcer, f"{secrets.token_hex(8)}.held"))
                assert claim is not None  # nobody else knows this name
                self._held[announcer] = claim

    def _release(self, announcer: str) -> None:
        with self._lock:
            claim = self._held.pop(announcer, None)
        if claim is not None:
            claim.retire()

    def _is_held(self, announcer: str) -> bool:
        """Whether any living studio relies on it; what dead ones left is removed."""
        for path in self._files(self._path(announcer, "*.held").name):
            claim = try_claim(path)
            if claim is None:
                return True
            claim.retire()
        return False

    def _note(self, announcer: str) -> Note | None:
        return next((note for note in self._notes() if note.announcer == announcer), None)

    def _notes(self) -> list[Note]:
        found = []
        for path in self._files("*.json"):
            with suppress(OSError, ValueError, TypeError):  # gone meanwhile, or not ours
                found.append(Note(**json.loads(path.read_text("utf-8"))))
        return found

    def _write(self, note: Note) -> None:
        write_whole(self._path(note.announcer, "json"), json.dumps(asdict(note)).encode())

    def _files(self, pattern: str) -> list[Path]:
        return sorted(self._folder.glob(pattern)) if self._folder.is_dir() else []

    def _path(self, announcer: str, ending: str) -> Path:
        return self._folder / f"{hashlib.sha256(announcer.encode()).hexdigest()[:16]}.{ending}"
