"""Responses of AI providers in Redis (systems.md, S5), for programs of coroutines."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from cache_studio.adapters.redis_options import RESPONSE_FORMAT
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
from cache_studio.runtime.aio import AsyncCache
from cache_studio.runtime.breaker import Breaker
from cache_studio.runtime.request_metrics import RequestMetrics, metrics_from
from cache_studio.runtime.requests import request_key
from cache_studio.runtime.response_settings import ANSWER_SECONDS, settings_from
from cache_studio.runtime.results import Freed
from cache_studio.runtime.statistics import Stats

if TYPE_CHECKING:
    from cache_studio.adapters.redis_response.server_figures import Figures

Request = Mapping[str, Any]
LOW_HIT_RATE = 0.5
"""Below this share of hits the statistics warn."""
_HOUR = 3_600.0
_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResponseStats:
    """What a response cache can say of itself. None is not known, as everything stored is while Redis is away."""

    cached_responses: int | None
    total_keys: int | None
    """Keys of the database, whoever wrote them."""
    memory: int | None
    """Bytes that the server uses, all databases together."""
    hits: int
    """Of this process since it connected, as are misses and hit rate."""
    misses: int
    hit_rate: float | None
    """From 0 to 1; None without lookups."""
    warning: str
    """What to think about when the hit rate is low, else ""."""
    seconds_saved: float | None
    """Hits x mean response time of the requests whose figures are kept; without any, as measured from loaders."""
    money_saved: float | None
    """Hits x mean cost of these requests, in US dollars."""
    lost: int
    """Responses that were not stored because Redis was away."""
    cache: Stats
    """The same cache in the figures that every cache has."""


class ResponseCache:
    """Responses by request, with a TTL; requests that are the same (`runtime.requests`) are made once at a time.

    Redis away costs misses, waits of `timeout` for the first few calls, and never an exception. Used by one event
    loop; other threads and processes have their own, on the same responses.
    """

    def __init__(
        self,
        url: str = "",
        *,
        prefix: str = "",
        ttl: float | str | None = None,
        metrics_ttl: float | str | None = None,
        max_connections: int | None = None,
        timeout: float = ANSWER_SECONDS,
        also: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        **options: Any,
    ) -> None:
        """Prepare; `connect`, or entering the block, opens it.

        What is not given comes from REDIS_URL, CACHE_DEFAULT_TTL (3600 s), METRICS_TTL (86400 s) and
        REDIS_MAX_CONNECTIONS (50). `prefix` is the literal start of the keys, `luciddreamer:cache:` unless given.
        `also` names fields of a request that change its response, beside those of S5. Other options are those of
        `Cache`, such as `memory` for a level above Redis. BadRequest names a wrong argument or variable.
        """
        settings = settings_from(url, prefix, ttl, metrics_ttl, max_connections, timeout)
        self.ttl = settings.ttl
        self._target = settings.target
        self._threads = settings.max_connections
        self._also = tuple(also)
        self._clock = clock
        self._options = options
        self._breaker = Breaker()
        self._cache: AsyncCache | None = None
        self._figures: Figures | None = None

    @property
    def cache(self) -> AsyncCache:
        """The cache below, for removal by tag or namespace and the rest; BadRequest before `connect`."""
        if self._cache is None:
            raise _not_connected()
        return self._cache

    async def connect(self) -> bool:
        """Open it; whether Redis answers now. Where it does not, the cache misses until it does."""
        if self._cache is None:
            target = parse_target(self._target)
            options = read_options(get_format(RESPONSE_FORMAT).options, target.options)
            # A call to Redis takes a thread: so many are there, so many connections are used at once.
            cache = AsyncCache(self._target, threads=self._threads, ttl=self.ttl, clock=self._clock, **self._options)
            self._cache = await cache.open()
            from cache_studio.adapters.redis_response.server_figures import Figures  # the driver: not before here

            self._figures = Figures.open(target, options)
        return await self._asked(lambda figures: bool(figures.server()), False)

    async def disconnect(self) -> None:
        """Wait for what is being loaded, and let go of Redis. Safe to call twice."""
        cache, figures, self._cache, self._figures = self._cache, self._figures, None, None
        if cache is not None:
            await cache.close()
        if figures is not None:
            figures.close()

    async def __aenter__(self) -> "ResponseCache":
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    def key(self, request: Request) -> str:
        """The key of a request; BadRequest for one that cannot be read."""
        return request_key(request, self._also)

    async def get(self, request: Request) -> Any:
        """The response to this request, or None on a miss."""
        return await self.cache.get(self.key(request))

    async def store(self, request: Request, response: Any, ttl: float | str | None = None) -> None:
        """Keep a response (JSON values); its request id, provider, time and cost are noted beside it.

        BadRequest for what JSON does not hold. Redis away: it is lost, and counted.
        """
        await self.cache.put(self.key(request), response, ttl=ttl)

    async def get_or_load(
        self, request: Request, loader: Callable[[], Awaitable[Any] | Any], ttl: float | str | None = None
    ) -> Any:
        """The response; on a miss what the loader (a function or coroutine function) answers, which is kept.

        The same request runs one loader at a time, in all processes; the others wait and get its answer, or what
        it raised (from another process LoadFailed with its text). A holder that died is waited for 60 s at most.
        """
        return await self.cache.get_or_load(self.key(request), loader, ttl=ttl)

    async def invalidate(self, pattern: str = "*") -> int:
        """Remove the responses whose key a glob matches; how many. 0, and a warning in the log, while Redis is away."""
        try:
            return await self.cache.invalidate_pattern(pattern)
        except CacheUnavailable as error:
            _log.warning("No response was invalidated: %s %s", error.message, error.hint)
            return 0

    async def cleanup(self) -> Freed:
        """Remove what is stale; Redis does most of that by itself. Nothing, and a warning, while it is away."""
        try:
            return await self.cache.cleanup_expired()
        except CacheUnavailable as error:
            _log.warning("No response was cleaned up: %s %s", error.message, error.hint)
            return Freed(0)

    async def metrics(self, hours: float = 24) -> RequestMetrics:
        """The requests of the last hours, in rows and by provider; none while Redis is away.

        BadRequest unless `hours` is above 0. What is older than METRICS_TTL is not kept.
        """
        if not hours > 0:
            raise BadRequest("Metrics are read for some hours.", "Give a number above 0.")
        since = self._clock() - hours * _HOUR
        return metrics_from(await self._asked(lambda figures: figures.requests_since(since), []))

    async def stats(self) -> ResponseStats:
        """What is stored, what this process counted, and what that saved; lists the cache, reads a day of metrics."""
        stats = await self.cache.stats()
        server = await self._asked(lambda figures: figures.server(), None)
        metrics = await self.metrics()
        counted = stats.counted
        measured = metrics.seconds_saved(counted.hits)
        return ResponseStats(
            cached_responses=stats.entries,
            total_keys=server.total_keys if server else None,
            memory=server.memory if server else None,
            hits=counted.hits,
            misses=counted.misses,
            hit_rate=counted.hit_rate,
            warning=self._warning(counted.hit_rate),
            seconds_saved=stats.time_saved if measured is None else measured,
            money_saved=metrics.money_saved(counted.hits),
            lost=stats.lost_puts,
            cache=stats,
        )

    def _warning(self, hit_rate: float | None) -> str:
        if hit_rate is None or hit_rate >= LOW_HIT_RATE:
            return ""
        return f"The hit rate is {hit_rate:.0%}, below {LOW_HIT_RATE:.0%}: consider a longer TTL than {self.ttl:g} s."

    async def _asked(self, ask: "Callable[[Figures], _Answer]", instead: _Answer) -> _Answer:
        """What the server says, or something else while it is away."""
        if self._figures is None:
            raise _not_connected()
        try:
            return await asyncio.to_thread(self._breaker.call, ask, self._figures)
        except CacheUnavailable as error:
            _log.info("Figures are not known now: %s", error.message)
            return instead


def _not_connected() -> BadRequest:
    return BadRequest("The response cache is not connected.", "Await connect(), or use it in an `async with` block.")
