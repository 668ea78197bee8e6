"""Whole versions of files that we took the place of although their application had just written them.

Nothing of them is missing in the file that stands there now; they are kept because no way of replacing a file that
somebody else writes at the same moment is perfect. Nobody needs them to undo anything: a user looks for them.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from cache_studio.config.files import sync_folder
from cache_studio.config.paths import private_folder
from cache_studio.model.errors import CacheStudioError
from cache_studio.trash.files import FileFolder

_SHOWN_NAME = 60
DAY = 86_400.0


class Versions:
    """One folder of such files; their names begin with the second in which they were displaced."""

    def __init__(self, root: Path) -> None:
        self.folder = root
        self._files = FileFolder(root.parent)

    def take(self, descriptor: int, length: int, name: str) -> Path:
        """Keep `length` bytes of an open file, durable when this returns; where. Raises CacheStudioError."""
        kept = self._files.take(self.folder.name, descriptor, length)
        self._files.sync([kept])
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        safe = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in name)[-_SHOWN_NAME:]
        stored = self.folder.parent / kept.name
        path = self.folder / f"{moment}-{stored.name[:8]}-{safe}"
        try:
            os.rename(stored, path)
            sync_folder(self.folder)
        except OSError as error:
            raise CacheStudioError("The trash cannot be written.", "Check the disk of the trash.") from error
        return path

    def forget_old(self, days: float, now: float) -> int:
        """Delete those older than so many days; how many."""
        gone = 0
        for path in private_folder(self.folder).iterdir():
            with suppress(FileNotFoundError):  # another studio was faster
                if path.stat().st_mtime < now - days * DAY:
                    path.unlink()
                    gone += 1
        return gone
