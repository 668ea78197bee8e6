"""Where our own files lie: settings, the user's data, logs.

Every folder follows the system's rules (XDG on Linux). `CACHE_STUDIO_HOME` replaces all of them by one
folder, for a portable copy and for tests. Nothing is created before something is written.
"""

import os
from pathlib import Path

from platformdirs import PlatformDirs

from cache_studio.model.errors import CacheStudioError

HOME_VARIABLE = "CACHE_STUDIO_HOME"
"""Environment variable that names one folder for everything."""
_SYSTEM = PlatformDirs("cache-studio", appauthor=False)
_PRIVATE = 0o700


def data_folder() -> Path:
    """Folder of the trash, the history and what else must last."""
    return _below_home("data") or Path(_SYSTEM.user_data_dir)


def config_folder() -> Path:
    """Folder of the settings and the remembered caches."""
    return _below_home("config") or Path(_SYSTEM.user_config_dir)


def log_folder() -> Path:
    """Folder of the logs."""
    return _below_home("log") or Path(_SYSTEM.user_log_dir)


def settings_file() -> Path:
    """The settings."""
    return config_folder() / "settings.toml"


def profiles_file() -> Path:
    """The remembered caches."""
    return config_folder() / "profiles.toml"


def trash_folder() -> Path:
    """Where removed entries wait for undo."""
    return data_folder() / "trash"


def history_file() -> Path:
    """The database of samples."""
    return data_folder() / "history.db"


def announced_folder() -> Path:
    """Notes of settings that were changed for a while, to be set back."""
    return data_folder() / "announced"


def listings_folder() -> Path:
    """What big folders held when they were listed last; may be deleted at any time."""
    return (_below_home("cache") or Path(_SYSTEM.user_cache_dir)) / "listings"


def private_folder(folder: Path) -> Path:
    """The folder, created with rights for its owner alone where it is missing.

    Raises CacheStudioError when it cannot be created. A folder that exists keeps its rights.
    """
    missing = []
    place = folder
    while not place.exists() and place != place.parent:
        missing.append(place)
        place = place.parent
    try:
        for place in reversed(missing):
            place.mkdir(mode=_PRIVATE, exist_ok=True)
    except OSError as error:
        raise CacheStudioError(
            f"The folder {folder} cannot be created: {error.strerror}.",
            f"Make it writable, or set {HOME_VARIABLE} to another folder.",
        ) from error
    return folder


def _below_home(name: str) -> Path | None:
    home = os.environ.get(HOME_VARIABLE)
    return Path(home).expanduser().absolute() / name if home else None
