"""Finds caches under folders and on loopback, without opening any for writing."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any, cast

from cache_studio import isolation
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.services.proposals import parse, propose

LIMITS = isolation.Limits(seconds=300.0)
"""A walk ends after five minutes."""
REDIS = "redis://127.0.0.1:6379/0"
"""The only server that is looked for: this machine's own."""


def discover(folders: Sequence[str], stop: Event | None = None) -> Iterator[dict[str, Any]]:
    """Caches as they are found: `target`, `format`, `entries` (None: not counted), `volume` in bytes or None.

    Without folders: the current one and the user's cache folder. In both cases Redis on loopback.
    CacheUnavailable for a folder that is not there.
    """
    for folder in folders:
        if not Path(folder).expanduser().is_dir():
            raise CacheUnavailable(f"There is no folder {folder}.", "Check the path.")
    wanted = [str(Path(folder).expanduser()) for folder in folders] or usual_folders()
    for found in isolation.stream("cache_studio.adapters.discovery:walk", wanted, limits=LIMITS, stop=stop):
        cache = cast(Mapping[str, Any], found)
        yield {"target": cache["target"], "format": cache["format"], "entries": None, "volume": cache["volume"]}
    yield from _redis()


def usual_folders() -> list[str]:
    """Where caches usually lie."""
    home = Path.home()
    candidates = (Path.cwd(), home / ".cache", home / "Library" / "Caches")
    return [str(folder) for folder in candidates if folder.is_dir()]


def _redis() -> Iterator[dict[str, Any]]:
    try:
        proposals = propose(parse(REDIS))
    except CacheStudioError:
        return
    for proposal in proposals[:5]:
        yield {"target": str(proposal.target), "format": proposal.format, "entries": None, "volume": None}
