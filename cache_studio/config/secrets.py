"""The door to the system's keyring: the only place outside memory where a password may lie.

The library is imported at the first use. A keyring may ask the user to unlock it, so every call may block: not for
the window's thread.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from cache_studio.model.errors import CacheStudioError

SERVICE = "cache-studio"
"""Under what name the keyring shows our passwords."""
LONGEST_WAIT = 60.0
"""Seconds in which somebody may unlock the keyring."""
GOOD_ENOUGH = 1.0
"""Priority from which a keyring protects what it holds; below it are plain files, and one that refuses everything."""
NONE_HERE = "This system has no keyring that works."
T = TypeVar("T")


def why_no_keyring() -> str:
    """Why no password can be kept, as one sentence, or ""."""
    try:
        _within(LONGEST_WAIT, _backend)
    except CacheStudioError as error:
        return error.message
    return ""


def read_password(server: str) -> str:
    """The password kept for a server, "" when there is none; CacheStudioError when the keyring fails."""
    return _within(LONGEST_WAIT, lambda: _backend().get_password(SERVICE, server)) or ""


def keep_password(server: str, password: str) -> None:
    """Keep a password; CacheStudioError when the keyring fails or does not give back what it was given."""

    def keep() -> bool:
        backend = _backend()
        backend.set_password(SERVICE, server, password)
        return bool(backend.get_password(SERVICE, server) == password)

    if not _within(LONGEST_WAIT, keep):
        raise _failed("it does not hold what it was given")


def forget_password(server: str) -> None:
    """Take a password out; one that is not there is no error, a keyring that fails is a CacheStudioError."""

    def forget() -> None:
        backend = _backend()
        if backend.get_password(SERVICE, server) is not None:
            backend.delete_password(SERVICE, server)

    _within(LONGEST_WAIT, forget)


def _backend() -> Any:
    try:
        import keyring
    except ImportError:
        raise _failed("the package “keyring” is missing", NONE_HERE) from None
    chosen = keyring.get_keyring()
    members = getattr(chosen, "backends", None) or (chosen,)
    # One that stands for several would turn to a plain file when the first refuses.
    for member in members:
        if member.priority >= GOOD_ENOUGH:
            return member
    raise _failed("", NONE_HERE)


def _within(seconds: float, work: Callable[[], T]) -> T:
    """The answer of `work`, done in a thread that is left behind when it does not come back in time."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except Exception as error:  # backends raise what their libraries do
            errors.append(error)

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    if not errors:
        raise _failed(f"it did not answer within {seconds:g} s")
    if isinstance(errors[0], CacheStudioError):
        raise errors[0]
    # The words of a backend may hold what it was given: only their kind is told.
    raise _failed(type(errors[0]).__name__) from None


def _failed(why: str, message: str = "The system's keyring cannot be used.") -> CacheStudioError:
    words = message if not why else f"{message[:-1]}: {why}."
    return CacheStudioError(words, "Passwords are kept until Cache Studio is closed.")
