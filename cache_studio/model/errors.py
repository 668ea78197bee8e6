"""The errors that both faces show as one sentence and a hint.

They mean the environment or the request. Anything else that is raised is our bug.
"""


class CacheStudioError(Exception):
    """A failure a user can understand: `message` is one sentence, `hint` says what to do (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CacheUnavailable(CacheStudioError):
    """The cache cannot be reached or opened: missing, no rights, server gone, locked for too long."""


class WrongFormat(CacheStudioError):
    """What lies at the target is not a cache of the wanted format, or too broken to be read as one."""


class EntryNotFound(CacheStudioError):
    """The entry is gone, or no entry has this key."""


class UnsupportedAction(CacheStudioError):
    """This open cache does not allow the action; the message carries the reason of its capabilities."""


class BadRequest(CacheStudioError):
    """An option, target, profile or file name that makes no sense."""


class SelectionError(BadRequest):
    """A wrong selection expression; `start` and `end` are the character span of the fault."""

    def __init__(self, message: str, hint: str = "", *, start: int = 0, end: int = 0) -> None:
        super().__init__(message, hint)
        self.start = start
        self.end = end


class LimitExceeded(CacheStudioError):
    """A child process was ended because it took more time or memory than it was given."""


class Cancelled(CacheStudioError):
    """The user stopped it; nothing is shown."""

    def __init__(self, message: str = "Stopped.", hint: str = "") -> None:
        super().__init__(message, hint)


class LoadFailed(CacheStudioError):
    """A value was not loaded by whoever was to load it for us; nothing was cached."""
