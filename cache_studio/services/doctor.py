"""Checks what the program needs: its packages, its folders, its child process."""

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from cache_studio import isolation
from cache_studio.adapters.registry import format_names, get_format
from cache_studio.config import paths
from cache_studio.config.secrets import why_no_keyring
from cache_studio.model.errors import CacheStudioError

PACKAGES = ("PySide6", "pyqtgraph", "numpy", "watchdog", "redis", "msgpack", "msgspec", "regex")
"""What must be importable for everything to work."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def checks() -> list[Check]:
    """Every check, the failed ones too."""
    return [
        Check("python", True, platform.python_version()),
        *(Check(f"package {name}", importlib.util.find_spec(name) is not None, "") for name in PACKAGES),
        *(
            _folder(name, folder)
            for name, folder in (("settings", paths.config_folder()), ("data", paths.data_folder()))
        ),
        *(_format(name) for name in format_names()),
        _child(),
        Check("system keyring (for passwords only)", True, why_no_keyring() or "works"),
        Check("redis-server (for the demo only)", True, shutil.which("redis-server") or "not found"),
    ]


def _folder(name: str, folder: Path) -> Check:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return Check(f"folder for {name}", os.access(place, os.W_OK), str(folder))


def _format(name: str) -> Check:
    try:
        return Check(f"format {name}", True, get_format(name).title)
    except CacheStudioError as error:
        return Check(f"format {name}", False, f"{error.message} {error.hint}")


def _child() -> Check:
    try:
        isolation.call("cache_studio.adapters.registry:recognise", os.getcwd())
    except (CacheStudioError, RuntimeError, OSError) as error:
        return Check("child process", False, str(error))
    return Check("child process", True, "starts and answers")
