"""What the window does where a cache cannot be attached: it asks for a password, offers a choice, or says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from cache_studio.gui.controller import Controller
from cache_studio.gui.messages import ask_password, show_error
from cache_studio.model.errors import BadRequest, CacheStudioError

if TYPE_CHECKING:
    from cache_studio.services.attachment import Attachment


class Refusals:
    """Answers to refusals, as dialogs of a window."""

    def __init__(self, window: QWidget, controller: Controller, choose: Callable[[str], None]) -> None:
        """`choose` lets the user say which of several caches a target names."""
        self._window, self._controller, self._choose = window, controller, choose

    def refused(self, text: str, error: CacheStudioError) -> None:
        """A target could not be attached."""
        from cache_studio.services.passwords import wants_password  # loaded with the studio

        if wants_password(error):
            password = ask_password(self._window, text)
            if password:
                self._controller.attach(text, password=password)
        elif isinstance(error, BadRequest) and text and "Several caches" in error.message:
            self._choose(text)
        else:
            show_error(self._window, error)

    def unreachable(self, attachment: Attachment) -> None:
        """An attached cache cannot be reached; perhaps it only wants a password."""
        from cache_studio.services.passwords import wants_password, with_password  # loaded with the studio

        if not wants_password(attachment.standing.error):
            return
        place = attachment.place
        password = ask_password(self._window, str(place.target))
        if password and attachment in self._controller.attachments:
            self._controller.reattach(attachment, replace(place, target=with_password(place.target, password)))
