"""What is attached, for the window: the studio, the tasks, and news of the attachments as Qt signals.

The studio is made and used off the window's thread; attachments speak on their own threads. Both arrive
here through queued signals.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event, Lock
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from cache_studio import precedence
from cache_studio.gui.loading import Loading, modules
from cache_studio.gui.tasks import Tasks
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import shown_target

if TYPE_CHECKING:
    from cache_studio.services.attachment import Attachment, Place
    from cache_studio.services.standing import News
    from cache_studio.services.studio import Studio

GIVE_BACK_MS = 500
"""After a cache was detached its memory is given back to the system."""


class Controller(QObject):
    """The attachments of one window.

    Signals:
        ready(): the studio is there; before it nothing can be attached.
        attaching(str): a target is being looked at; `attached` or `refused` follows.
        attached(Attachment, bool): a new one, or one that is there; whether to bring it to the front.
        detached(Attachment): it is closing; drop everything of it.
        news(Attachment, News): something of it changed; at most one of a kind waits at a time.
        refused(str, CacheStudioError): a target could not be attached.
        places_changed(): remembered caches are others now.
        closed(): all threads have ended.
    """

    ready = Signal()
    attaching = Signal(str)
    attached = Signal(object, bool)
    detached = Signal(object)
    news = Signal(object, object)
    refused = Signal(str, object)
    places_changed = Signal()
    closed = Signal()
    _heard = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = Tasks(self)
        self.attachments: list[Attachment] = []
        self._studio: Studio | None = None
        self._loading: Loading | None = None
        self._waiting: dict[tuple[Attachment, News], None] = {}
        self._lock = Lock()
        self._closing: threading.Thread | None = None
        self._heard.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    @property
    def studio(self) -> Studio:
        """The studio; only after `ready`."""
        assert self._studio is not None
        return self._studio

    @property
    def is_ready(self) -> bool:
        """Whether the studio is there."""
        return self._studio is not None and self._closing is None

    def is_reading(self) -> bool:
        """Whether any cache is being opened or listed for the first time."""
        return any(attachment.standing.is_reading for attachment in self.attachments)

    def open(self, load: Callable[[], None] = lambda: None, pages: Sequence[str] = ()) -> None:
        """Make the studio (opens settings, trash and history) off the window's thread, and `load` there before.

        Then come the modules `pages`, on the window's thread, and `ready`.
        """

        def make(_stop: Event) -> Studio:
            load()
            return self._make_studio()

        self._loading = Loading(modules(pages), self)
        self._loading.finished.connect(self.ready)
        self.tasks.run("studio", make, self._on_studio, lambda error: self.refused.emit("", error))

    def attach_all(self, texts: Sequence[str]) -> None:
        """Attach these targets in this order; the first one comes to the front."""

        def work(stop: Event) -> None:
            for number, text in enumerate(texts):
                if stop.is_set():
                    return
                self.tasks.tell(self._answer(text, in_front=number == 0))

        if texts:
            self.attaching.emit(shown_target(texts[0]))
        self.tasks.run(f"attach {len(texts)} {id(texts)}", work, lambda _none: None, lambda _error: None)

    def _answer(self, text: str, *, in_front: bool) -> Callable[[], None]:
        """Recognise and remember what `text` names; returns what the window's thread does then."""
        try:
            place = self.studio.remember(self.studio.resolve(text))
        except CacheStudioError as error:
            refused = error
            return lambda: self.refused.emit(shown_target(text), refused)
        return lambda: self.attach_place(place, in_front=in_front)

    def attach(self, text: str, password: str = "") -> None:
        """Recognise and attach what `text` names, or bring the attachment that is there to the front."""

        def work(_stop: Event) -> Place:
            if password:
                from cache_studio.services.passwords import with_password  # loaded with the studio

                self.studio.passwords.keep_for_session(with_password(self.studio.target_of(text), password))
            return self._remembered(self.studio.resolve(text))

        shown = shown_target(text)
        self.attaching.emit(shown)
        self.tasks.run(f"attach {shown}", work, self.attach_place, lambda error: self.refused.emit(shown, error))

    def attach_remembered(self, place: Place) -> None:
        """Remember a place that a dialog decided, and attach it."""
        self.tasks.run(
            f"attach {place.target}",
            lambda _stop: self._remembered(place),
            self.attach_place,
            lambda error: self.refused.emit(str(place.target), error),
        )

    def _remembered(self, place: Place) -> Place:
        """Remember a place and what becomes of its password; a keyring that fails is told and stops nothing."""
        try:
            self.studio.settle_password(place)
        except CacheStudioError as error:
            refused, place = error, replace(place, keep_password=False)
            self.tasks.tell(lambda: self.refused.emit(str(place.target), refused))
        return self.studio.remember(place)

    def attach_place(self, place: Place, *, in_front: bool = True) -> None:
        """Attach a decided place; one that is attached already is only shown."""
        for attachment in self.attachments:
            if str(attachment.place.target) == str(place.target):
                self.attached.emit(attachment, in_front)
                return
        with precedence.going_first():  # the page is made while the cache is opened
            attachment = self.studio.attach(place)
            self.attachments.append(attachment)
            self.attached.emit(attachment, in_front)
            self.places_changed.emit()

    def detach(self, attachment: Attachment, then: Callable[[], None] = lambda: None) -> None:
        """Let an attachment go; `then` is called on the window's thread when its thread has ended."""
        if attachment not in self.attachments:
            return
        self.attachments.remove(attachment)
        self.detached.emit(attachment)
        gone = weakref.ref(attachment)
        self.tasks.run(
            f"detach {id(attachment)}",
            lambda _stop: self.studio.detach(attachment),
            lambda _none: self._on_gone(gone, then),
            lambda error: self.refused.emit(str(attachment.place.target), error),
        )

    def _on_gone(self, gone: weakref.ref[Attachment], then: Callable[[], None]) -> None:
        from cache_studio.heap import give_back_of  # loaded with the studio

        def give_back(_stop: Event) -> None:
            give_back_of(gone)

        then()
        # Later: the page of the cache is deleted only when the event loop has come round.
        QTimer.singleShot(
            GIVE_BACK_MS, self, lambda: self.tasks.run("heap", give_back, lambda _none: None, lambda _error: None)
        )

    def reattach(self, attachment: Attachment, place: Place) -> None:
        """Attach the same cache in another way (writable, with a password); its page is replaced."""

        self.detach(attachment, lambda: self.attach_remembered(place))

    def aim_at(self, attachment: Attachment, target_hit_rate: float) -> None:
        """Give an attached cache another target hit rate (0 to 1), and remember it."""
        place = replace(attachment.place, target_hit_rate=target_hit_rate)
        if place == attachment.place:
            return
        attachment.place = place
        from cache_studio.services.standing import News  # loaded with the studio

        self.tasks.run(
            f"remember {place.target}",
            lambda _stop: self.studio.remember(place),
            lambda _place: self.news.emit(attachment, News.SAMPLE),
            lambda error: self.refused.emit(str(place.target), error),
        )

    def close(self) -> None:
        """End everything in a thread of its own; `closed` is emitted when it is done."""
        if self._closing is None:
            self._closing = threading.Thread(target=self._close, name="closing")
            self._closing.start()

    def wait_closed(self, seconds: float) -> bool:
        """Wait for `close`; whether all has ended in time. Blocks."""
        if self._closing is not None:
            self._closing.join(seconds)
        return self._closing is None or not self._closing.is_alive()

    def _close(self) -> None:
        self.tasks.close()
        if self._studio is not None:
            self._studio.close()
        self.closed.emit()

    def _make_studio(self) -> Studio:
        from cache_studio.services.studio import Studio  # here, after the first paint

        studio = Studio(follow=True, listener=self._hear)
        self._studio = studio
        studio.tidy()
        return studio

    def _on_studio(self, studio: Studio) -> None:
        if self._loading is not None:
            self._loading.start()

    def _hear(self, attachment: Attachment, news: News) -> None:
        """On the attachment's thread."""
        with self._lock:
            first = not self._waiting
            self._waiting[attachment, news] = None
        if first:
            self._heard.emit()

    def _tell(self) -> None:
        with self._lock:
            waiting, self._waiting = list(self._waiting), {}
        with precedence.going_first():
            for attachment, news in waiting:
                if attachment in self.attachments and self._closing is None:
                    self.news.emit(attachment, news)
