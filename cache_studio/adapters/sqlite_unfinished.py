"""Which databases the studio is writing at this moment: what a kill of it leaves half-done is its own to undo.

A journal that an application left is shown in a sentence and not touched; one that we left is rolled back when the
database is opened again. A file in the user's data folder, held while a write is under way, tells the two apart.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cache_studio.config import paths
from cache_studio.config.claims import Claim, try_claim
from cache_studio.model.errors import CacheStudioError


@contextmanager
def noted(database: str) -> Iterator[None]:
    """Note that this process writes the database while the block runs; where that cannot be noted, it is not."""
    claim = _claim(database)
    try:
        yield
    finally:
        if claim is not None:
            claim.retire()


def was_left_by_us(database: str) -> bool:
    """Whether a process of the studio ended in the middle of writing this database; the answer is given once."""
    left = False
    try:
        for path in _folder().glob(_name(database) + "-*"):
            claim = try_claim(path)
            if claim is not None:  # nobody holds it: who made it has died
                claim.retire()
                left = True
    except (CacheStudioError, OSError):
        return left
    return left


def _claim(database: str) -> Claim | None:
    try:
        return try_claim(paths.private_folder(_folder()) / f"{_name(database)}-{secrets.token_hex(8)}")
    except (CacheStudioError, OSError):  # a home that cannot be written is no reason to leave the cache as it is
        return None


def _folder() -> Path:
    return paths.data_folder() / "writing"


def _name(database: str) -> str:
    return hashlib.blake2b(os.fsencode(os.path.realpath(database)), digest_size=16).hexdigest()
