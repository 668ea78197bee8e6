"""The same cache for programs of coroutines: files and servers in a few threads, memory at once."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cache_studio.adapters.key_access import Place
from cache_studio.model.errors import BadRequest
from cache_studio.runtime.cache import Cache
from cache_studio.runtime.loading import MISSING, POLL_SECONDS, Terms, Turn, terms_of
from cache_studio.runtime.results import Freed, Warmed
from cache_studio.runtime.statistics import Stats

if TYPE_CHECKING:
    from cache_studio.runtime.learning import Efficiency

THREADS = 16
"""How many calls to files or a server may be under way at once."""
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


class AsyncCache:
    """`Cache` with coroutines. Used by one event loop; a hit in memory never leaves it.

    A call that is cancelled does not end what it began: a value that is being loaded is still put, and others
    who wait for it get it.
    """

    def __init__(self, target: str | Path, *, threads: int = THREADS, **options: Any) -> None:
        """Prepare; `open`, or entering the block, opens the cache. The options are those of `Cache`."""
        self._open = partial(Cache, target, **options)
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._opened: Cache | None = None
        self._opening = asyncio.Lock()
        self._loads: dict[Place, asyncio.Task[Any]] = {}
        self._waiting: dict[Place, list[Place]] = {}

    @property
    def cache(self) -> Cache:
        """The cache itself, for what needs no waiting; BadRequest before `open` and after `close`."""
        if self._opened is None:
            raise BadRequest("The cache is not open.", "Await open() first, or use it in an `async with` block.")
        return self._opened

    async def open(self) -> "AsyncCache":
        """Open or create the cache; a second time nothing, after `close` anew."""
        async with self._opening:
            if self._opened is None:
                self._pool = ThreadPoolExecutor(self._threads, "cache-studio cache")
                try:
                    self._opened = await self._away(self._open)
                except BaseException:
                    await self._end_pool()
                    raise
        return self

    async def __aenter__(self) -> "AsyncCache":
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(self, key: str, default: Any = None, *, namespace: str | None = None) -> Any:
        """As `Cache.get`."""
        cache = self.cache
        if cache.is_near(key, namespace=namespace):
            return cache.get(key, default, namespace=namespace)
        return await self._away(cache.get, key, default, namespace=namespace)

    async def get_many(self, keys: Iterable[str], *, namespace: str | None = None) -> dict[str, Any]:
        """As `Cache.get_many`."""
        return await self._away(self.cache.get_many, list(keys), namespace=namespace)

    async def get_first(
        self, key: str, others: Callable[[], Iterable[str]], *, namespace: str | None = None
    ) -> tuple[str, Any] | None:
        """As `Cache.get_first`."""
        return await self._away(self.cache.get_first, key, others, namespace=namespace)

    async def get_or_load(
        self,
        key: str,
        loader: Callable[[], Awaitable[Any] | Any],
        *,
        ttl: float | str | None = None,
        tags: Iterable[str] = (),
        namespace: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Any:
        """As `Cache.get_or_load`; the loader is a coroutine function, or a function that runs in a thread."""
        cache = self.cache
        if cache.is_near(key, namespace=namespace):
            value = cache.get(key, MISSING, namespace=namespace)  # a moment later it may be gone
        else:
            value = await self._away(cache.look_up, key, namespace=namespace)
        if value is not MISSING:
            return value
        place = (cache.namespace if namespace is None else namespace), key
        task = self._loads.get(place)
        if task is None:
            terms = terms_of(ttl, tags, metadata)
            task = self._loads[place] = asyncio.create_task(self._load(place, loader, terms))
            task.add_done_callback(partial(self._loaded, place))
        return await self._landed(place, task)

    async def put(
        self,
        key: str,
        value: Any,
        *,
        ttl: float | str | None = None,
        tags: Iterable[str] = (),
        namespace: str | None = None,
        metadata: Mapping[str, object] | None = None,
        persist: bool = True,
    ) -> None:
        """As `Cache.put`."""
        put = self.cache.put
        await self._away(put, key, value, ttl=ttl, tags=tags, namespace=namespace, metadata=metadata, persist=persist)

    async def invalidate(self, key: str, *, namespace: str | None = None) -> bool:
        """As `Cache.invalidate`."""
        return await self._away(self.cache.invalidate, key, namespace=namespace)

    async def invalidate_namespace(self, namespace: str) -> int:
        """As `Cache.invalidate_namespace`."""
        return await self._away(self.cache.invalidate_namespace, namespace)

    async def invalidate_tags(self, *tags: str) -> int:
        """As `Cache.invalidate_tags`."""
        return await self._away(self.cache.invalidate_tags, *tags)

    async def invalidate_pattern(self, pattern: str, *, namespace: str | None = None) -> int:
        """As `Cache.invalidate_pattern`."""
        return await self._away(self.cache.invalidate_pattern, pattern, namespace=namespace)

    async def invalidate_operation(self, operation: str) -> int:
        """As `Cache.invalidate_operation`."""
        return await self._away(self.cache.invalidate_operation, operation)

    async def invalidate_model(self, model: str) -> int:
        """As `Cache.invalidate_model`."""
        return await self._away(self.cache.invalidate_model, model)

    async def clear(self, namespace: str | None = None) -> Freed:
        """As `Cache.clear`."""
        return await self._away(self.cache.clear, namespace)

    async def cleanup_expired(self) -> Freed:
        """As `Cache.cleanup_expired`."""
        return await self._away(self.cache.cleanup_expired)

    async def evict(self, *, to_entries: int | None = None, to_size: int | None = None, policy: str = "") -> Freed:
        """As `Cache.evict`."""
        return await self._away(self.cache.evict, to_entries=to_entries, to_size=to_size, policy=policy)

    async def compact(self) -> int:
        """As `Cache.compact`."""
        return await self._away(self.cache.compact)

    async def stats(self) -> Stats:
        """As `Cache.stats`."""
        return await self._away(self.cache.stats)

    async def report(self) -> "Efficiency":
        """As `Cache.report`."""
        return await self._away(self.cache.report)

    async def flush(self) -> None:
        """As `Cache.flush`."""
        await self._away(self.cache.flush)

    async def warm(
        self,
        keys: Iterable[str],
        loader: Callable[[str], Awaitable[Any] | Any],
        *,
        ttl: float | str | None = None,
        namespace: str | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Warmed:
        """As `Cache.warm`; the loader is a coroutine function, or a function that runs in a thread."""
        loop = asyncio.get_running_loop()

        def load(key: str) -> Any:
            made = loader(key)
            if inspect.isawaitable(made):
                return asyncio.run_coroutine_threadsafe(_awaited(made), loop).result()
            return made

        warm = self.cache.warm
        return await self._away(warm, list(keys), load, ttl=ttl, namespace=namespace, progress=progress)

    async def close(self) -> None:
        """Wait for what is being loaded, then as `Cache.close`. Safe to call twice."""
        if self._loads:
            await asyncio.wait(list(self._loads.values()))
        cache, self._opened = self._opened, None
        if cache is not None:
            try:
                await self._away(cache.close)
            finally:
                await self._end_pool()

    async def _end_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:  # in another thread: one of the pool may wait for this loop
            await asyncio.to_thread(pool.shutdown)

    async def _landed(self, place: Place, task: "asyncio.Task[Any]") -> Any:
        """What a load makes; BadRequest where it waits for the load that asks."""
        asking = _loading.get()
        if asking is None or asking[0] is not self:
            return await asyncio.shield(task)
        if self._waits_for(place, asking[1]):
            raise BadRequest(f"The loader of “{place[1]}” asks for its own key.", "It would wait for itself for ever.")
        waits = self._waiting.setdefault(asking[1], [])
        waits.append(place)
        try:
            return await asyncio.shield(task)
        finally:
            waits.remove(place)
            if not waits:
                self._waiting.pop(asking[1], None)

    def _waits_for(self, place: Place, other: Place) -> bool:
        return place == other or any(self._waits_for(next, other) for next in self._waiting.get(place, ()))

    async def _load(self, place: Place, loader: Callable[[], Awaitable[Any] | Any], terms: Terms) -> Any:
        _loading.set((self, place))
        claiming = self.cache.claiming(place)
        if claiming is None:
            value = await self._away(self.cache.peek, place)  # it may have been loaded since it was looked for
            return await self._made(place, loader, terms) if value is MISSING else value
        pause = POLL_SECONDS
        while (turn := await self._away(claiming.step)) is Turn.WAIT:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 10 * POLL_SECONDS)
        if turn is not Turn.LOAD:
            return turn
        problem = "It was broken off."
        try:
            value = await self._made(place, loader, terms)
            problem = ""
            return value
        except Exception as error:  # the loader is the application's: those who wait are told what it raised
            problem = str(error) or type(error).__name__
            raise
        finally:
            await self._away(claiming.end, problem)

    async def _made(self, place: Place, loader: Callable[[], Awaitable[Any] | Any], terms: Terms) -> Any:
        loop = asyncio.get_running_loop()
        began = loop.time()
        value = loader() if inspect.iscoroutinefunction(loader) else await self._away(loader)
        if inspect.isawaitable(value):
            value = await value
        await self._away(self.cache.keep, place, value, loop.time() - began, terms)
        return value

    def _loaded(self, place: Place, task: asyncio.Task[Any]) -> None:
        self._loads.pop(place, None)
        if not task.cancelled():
            task.exception()  # everybody who waited may have gone: then nobody else asks for it

    async def _away(
        self, function: Callable[_Given, _Answer], /, *arguments: _Given.args, **named: _Given.kwargs
    ) -> _Answer:
        if self._pool is None:
            raise BadRequest("The cache is closed.", "Open it anew.")
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *arguments, **named))


_loading: "ContextVar[tuple[AsyncCache, Place] | None]" = ContextVar("cache-studio loading", default=None)
"""Which load the present task is a part of."""


async def _awaited(made: Awaitable[Any]) -> Any:
    return await made
