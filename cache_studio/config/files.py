"""Writing our own small files so that a kill leaves the old or the new one, and keeping what is broken."""

import os
import secrets
import sys
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w

from cache_studio.config.paths import private_folder
from cache_studio.model.errors import CacheStudioError

_SURROGATES = {code: code + 0x100000 for code in range(0xDC80, 0xDD00)}
"""TOML is UTF-8: bytes of a path that are no UTF-8 become private characters U+10DC80 to U+10DCFF."""
_BACK = {shown: code for code, shown in _SURROGATES.items()}


def read_toml(path: Path) -> dict[str, Any]:
    """The document; empty when there is no file. Raises ValueError when it cannot be understood, and OSError."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return {}
    document: dict[str, Any] = tomllib.loads(text.translate(_BACK))
    return document


def write_toml(path: Path, document: dict[str, Any]) -> None:
    """Replace the file in one step, durable when this returns; raises CacheStudioError."""
    write_whole(path, tomli_w.dumps(document).translate(_SURROGATES).encode())


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, readable by its owner alone; raises CacheStudioError."""
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise CacheStudioError(
            f"The file {path} cannot be written: {error.strerror}.", "Check the free space and the rights."
        ) from error


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed and removed in a folder durable."""
    if sys.platform == "win32":  # a folder cannot be opened there, and NTFS keeps renames in its journal
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path, now: float, companions: Iterable[str] = ()) -> Path:
    """Rename a broken file (and its companions, by suffix) to `<name>.broken-<time>`; returns the new name."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.broken-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.broken-{stamp}-{number}")
    try:
        os.rename(path, aside)
        for suffix in companions:
            with suppress(FileNotFoundError):
                os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    except OSError as error:
        raise CacheStudioError(
            f"The broken file {path} cannot be set aside: {error.strerror}.", "Move it away by hand."
        ) from error
    return aside
