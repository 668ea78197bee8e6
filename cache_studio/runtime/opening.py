"""How a running cache opens what it was told to keep its entries in: doors, shelves, recorder."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cache_studio.adapters.base import Format
from cache_studio.adapters.key_access import SERVER, KeyAccess, Place
from cache_studio.adapters.registry import format_names, get_format
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target, parse_target
from cache_studio.recording.generation import Generation
from cache_studio.recording.meter import Meter
from cache_studio.recording.places import accesses_path, generation_path
from cache_studio.runtime.eviction import check_policy
from cache_studio.runtime.levels import COMPRESSED, MEMORY, Shelf
from cache_studio.runtime.recorders import Recorder, Silent, open_memory_recorder, open_recorder
from cache_studio.runtime.stored import Stored
from cache_studio.runtime.validity import Validity

IN_MEMORY = "memory"
"""What stands before the colon of a target that keeps its entries in this process alone: `memory:name`."""
DISTRIBUTED_FORMAT = "redis-response"
"""The format of a level on a server that names none: it keeps tags and times beside the value."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cache keeps its entries in."""

    target: str | Path
    format: str
    ttl: float | None
    capacity: int | None
    max_bytes: int | None
    policy: str
    memory: int
    compressed: int
    distributed: str


class Opened:
    """Doors and shelves of a plan. `name` is how figures call the cache; `file` where it is one file."""

    def __init__(self, plan: Plan) -> None:
        """BadRequest for a plan that makes no sense, CacheUnavailable for what cannot be reached."""
        _check(plan)
        self.doors: list[Stored] = []
        try:
            self._open(plan)
        except BaseException:
            self.close()
            raise

    def _open(self, plan: Plan) -> None:
        text = str(plan.target)
        self._target: Target | None = None
        self._format: Format | None = None
        self.name = text
        if text.partition(":")[0] == IN_MEMORY:
            if not text.partition(":")[2]:
                raise BadRequest("A cache in memory needs a name.", "Write it as memory:answers.")
        else:
            self._target, self._format = _located(text, plan.format)
            self.name = str(self._target)
            access = _door(self._target, self._format, plan.ttl)
            self.doors.append(Stored(access, plan.capacity, plan.policy, plan.max_bytes))
        if plan.distributed:
            there = parse_target(plan.distributed, format_names())
            format = get_format(there.format or DISTRIBUTED_FORMAT)
            self.doors.append(Stored(_door(there, format, plan.ttl), None, plan.policy, None))
            if [door.name for door in self.doors].count(SERVER) != 1:
                raise BadRequest("The distributed level is one server below files or memory.", "Give one Redis URL.")
        self.shelves = _shelves(plan, bool(self.doors))

    def close(self) -> None:
        """Let go of what was opened, where that leads to no cache."""
        for door in self.doors:
            door.access.close()

    @property
    def file(self) -> str:
        """The file or folder of the first door, "" for a server and for memory."""
        return "" if self._target is None or self._target.is_url else self._target.location

    def validity(self, drop: Callable[[Place], None]) -> Validity:
        """Of what the shelves hold."""
        generation = None
        if self._format is not None and self.file:
            generation = Generation(generation_path(self._format.home(self.file)), create=bool(self.shelves))
        servers = [door.access for door in self.doors if door.name == SERVER] if self.shelves else []
        return Validity(generation, servers, drop)

    def access_log(self) -> Path:
        """Where a log of accesses lies: beside the cache. BadRequest for a cache that is no file or folder."""
        if self._format is None or not self.file:
            self.close()
            raise BadRequest("Accesses are logged beside a file or folder.", "Leave access_log out for this cache.")
        return accesses_path(self._format.home(self.file))

    def recorder(self, meter: Meter, wanted: bool) -> Recorder:
        """Beside the cache; for memory in the user's data folder; or none."""
        if not wanted:
            return Silent()
        if self._target is None or self._format is None:
            return open_memory_recorder(self.name.partition(":")[2], meter)
        return open_recorder(self._target, self._format, meter)


def _check(plan: Plan) -> None:
    check_policy(plan.policy)
    if plan.ttl is not None and not plan.ttl >= 0:
        raise BadRequest("A TTL is not negative.", "Give seconds, or None for ever.")
    for name in ("capacity", "max_bytes"):
        if (limit := getattr(plan, name)) is not None and limit < 1:
            raise BadRequest(f"A {name.replace('_', ' ')} is at least 1.", "Leave it out for no limit.")
    if plan.memory < 0 or plan.compressed < 0:
        raise BadRequest("A level holds no negative number of entries.", "0 switches it off.")


def _located(text: str, format: str) -> tuple[Target, Format]:
    target = parse_target(text, format_names())
    name = format or target.format
    if not name:
        raise BadRequest("The format is not named.", "Write it before a colon, as in json-file:./cache.json.")
    return target, get_format(name)


def _door(target: Target, format: Format, ttl: float | None) -> KeyAccess:
    options = read_options(format.options, target.options)
    if "ttl" in options and "ttl" not in target.options and ttl is not None and math.isfinite(ttl):
        options["ttl"] = ttl
    access = format.access_class().open(target, options)
    if access.level != SERVER:
        return access
    from cache_studio.runtime.breaker import Breaker, Degrading  # only caches on a server need it

    return Degrading(access, Breaker())


def _shelves(plan: Plan, stored: bool) -> list[Shelf]:
    if not stored:
        capacity = plan.memory or plan.capacity
        shelves = [Shelf(MEMORY, capacity, plan.policy, plan.max_bytes)]
    else:
        shelves = [Shelf(MEMORY, plan.memory, "lru")] if plan.memory else []
    if plan.compressed:
        shelves.append(Shelf(COMPRESSED, plan.compressed, "intelligent"))
    return shelves
