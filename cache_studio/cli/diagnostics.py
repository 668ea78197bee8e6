"""What the commands say on stderr, and their exit codes."""

import os
import platform
import sys
import traceback
from enum import IntEnum

from cache_studio import __version__
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable, Cancelled, WrongFormat
from cache_studio.model.targets import without_passwords


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    BUG = 70
    INTERRUPTED = 130


_CODES = ((CacheUnavailable, Exit.UNAVAILABLE), (WrongFormat, Exit.UNAVAILABLE), (BadRequest, Exit.USAGE))
"""What the words of an error are worth to a script; every other error of the model is a refusal."""


def narrate(text: str) -> None:
    """One sentence for the person at the terminal."""
    from cache_studio.model.visible import visible

    sys.stderr.write(visible(text) + "\n")


def code_of(error: BaseException) -> Exit:
    """Say what went wrong; the exit code for it."""
    if isinstance(error, KeyboardInterrupt | Cancelled):
        narrate("Stopped.")
        return Exit.INTERRUPTED
    if isinstance(error, CacheStudioError):
        narrate(f"{error.message} {error.hint}".strip())
        return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.REFUSED)
    if isinstance(error, BrokenPipeError):
        # The reader of stdout went away; Python must not try to flush into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    sys.stderr.write(without_passwords("".join(traceback.format_exception(error))))
    narrate(f"This is a fault of Cache Studio {__version__} (Python {platform.python_version()}). Please report it.")
    return Exit.BUG
