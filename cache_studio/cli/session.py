"""One command's studio: attaches the target, waits for its listing with progress, and always closes."""

import math
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from cache_studio.cli.diagnostics import narrate
from cache_studio.cli.options import may_change

if TYPE_CHECKING:
    from cache_studio.model.targets import Target
    from cache_studio.services.attachment import Attachment, Place
    from cache_studio.services.studio import Studio

T = TypeVar("T")
TURN = 0.25
"""Seconds between two looks at a future, so that Ctrl+C is heard and progress is shown."""


@contextmanager
def studio() -> Iterator["Studio"]:
    """A studio for one command."""
    from cache_studio.services.studio import Studio

    opened = Studio(follow=False)
    try:
        for notice in opened.notices:
            narrate(notice)
        yield opened
    finally:
        opened.close()


@contextmanager
def attached(
    target: "str | Target", *, writable: bool | None = False, sample_every: float = math.inf
) -> "Iterator[tuple[Studio, Attachment]]":
    """The target attached and completely listed; read-only unless the command changes it (`writable`).

    None for a command that only looks, and names what may be done: as the place is attached otherwise.
    """
    from cache_studio.model.errors import CacheUnavailable
    from cache_studio.services.passwords import wants_password

    with studio() as opened:
        try:
            attachment = _listed(opened, target, writable, sample_every)
        except CacheUnavailable as error:
            if not (wants_password(error) and sys.stdin.isatty()):
                raise
            narrate(error.message)
            for refused in list(opened.attachments):
                opened.detach(refused)
            wanted = opened.target_of(target) if isinstance(target, str) else target
            attachment = _listed(opened, with_asked_password(wanted), writable, sample_every)
        yield opened, attachment


def _listed(opened: "Studio", target: "str | Target", writable: bool | None, sample_every: float) -> "Attachment":
    from dataclasses import replace

    place = opened.resolve(target)
    if writable and not may_change():
        _require_writable(place)
    place = replace(place, writable=place.writable if writable is None else writable, sample_every=sample_every)
    if writable and place.target.is_url:
        from cache_studio.services.whereabouts import place_words

        narrate(f"To be changed: {place_words(place)}.")  # before anything is asked: which server this is
    attachment = opened.attach(place)
    waited(attachment.listed(), lambda: _reading(attachment))
    return attachment


def _require_writable(place: "Place") -> None:
    from cache_studio.model.errors import UnsupportedAction
    from cache_studio.services.whereabouts import place_words, why_read_only

    if reason := why_read_only(place):
        raise UnsupportedAction(
            f"“{place.name}” is attached read-only: {reason} ({place_words(place)}).",
            "Repeat the command with --allow-changes to change it all the same.",
        )


def with_asked_password(target: "Target") -> "Target":
    """Ask at the terminal; what is typed is not shown, and known to this command only."""
    import click

    from cache_studio.services.passwords import with_password

    return with_password(target, click.prompt("Password", hide_input=True, err=True))


def waited(future: "Future[T]", say: "object" = None) -> T:
    """The result of a future; Ctrl+C ends the waiting."""
    shown = False
    while True:
        try:
            result = future.result(TURN)
        except TimeoutError:
            if future.done():
                return future.result()
            if callable(say) and sys.stderr.isatty():
                sys.stderr.write(f"\r\033[K{say()}")
                shown = True
            continue
        if shown:
            sys.stderr.write("\r\033[K")
        return result


def _reading(attachment: "Attachment") -> str:
    from cache_studio.services.standing import reading_words

    return reading_words(attachment.standing)


def now() -> float:
    """The time, epoch seconds."""
    return time.time()
