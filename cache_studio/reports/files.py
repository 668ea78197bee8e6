"""Writes a report in one piece: a temporary file beside it, made durable, then renamed into place."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from cache_studio.model.errors import CacheStudioError


def require_free(path: Path, *, replace: bool = False) -> None:
    """Raise CacheStudioError when something is at `path` that may not be replaced."""
    if not replace and os.path.lexists(path):
        raise CacheStudioError(f"{path} exists already.", "Choose another name, or say that it may be replaced.")


@contextmanager
def report_file(path: Path, *, replace: bool = False) -> Iterator[TextIO]:
    """Open a text file (UTF-8) that appears at `path` only when the block ends well.

    Raises CacheStudioError when `path` exists and `replace` is false, or when it cannot be written.
    """
    require_free(path, replace=replace)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise CacheStudioError(
            f"{path} cannot be written: {error.strerror}.", "Check the folder, its rights and the free space."
        ) from error
    finally:
        with suppress(OSError):  # nothing was made, or it lies where we may not go
            part.unlink()
