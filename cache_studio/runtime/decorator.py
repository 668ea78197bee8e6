"""`@cached`: keep what a function answers, by its arguments."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cache_studio.model.errors import BadRequest
from cache_studio.runtime.cache import Cache
from cache_studio.runtime.keys import call_key

if TYPE_CHECKING:
    from cache_studio.runtime.aio import AsyncCache

_Function = TypeVar("_Function", bound=Callable[..., Any])


def cached(
    cache: "Cache | AsyncCache",
    *,
    ttl: float | str | None = None,
    tags: Iterable[str] = (),
    namespace: str | None = None,
    key: Callable[..., str] | None = None,
) -> Callable[[_Function], _Function]:
    """Answer from the cache what the function answered before for the same arguments.

    A coroutine function needs an AsyncCache, a plain one a Cache. `key` makes the key of the arguments; by
    default it is the function's name and a digest of them, for arguments that JSON holds. The decorated function
    has `key_of(*arguments)` and `invalidate(*arguments)`. What the function raises is not kept.
    """
    labels = tuple(tags)

    def decorate(function: _Function) -> _Function:
        name = _name(function) if key is None else ""

        def key_of(*arguments: Any, **named: Any) -> str:
            return call_key(name, arguments, named) if key is None else key(*arguments, **named)

        if inspect.iscoroutinefunction(function) is isinstance(cache, Cache):
            raise BadRequest("The cache does not fit the function.", "A coroutine function needs an AsyncCache.")
        call = _calling(cache, function, key_of, {"ttl": ttl, "tags": labels, "namespace": namespace})

        def invalidate(*arguments: Any, **named: Any) -> Any:
            return cache.invalidate(key_of(*arguments, **named), namespace=namespace)

        wrapped: Any = functools.wraps(function)(call)
        wrapped.key_of, wrapped.invalidate, wrapped.cache = key_of, invalidate, cache
        return cast(_Function, wrapped)

    return decorate


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", "")
    if not name or name.endswith("<lambda>"):
        raise BadRequest("A function without a name makes no keys.", "Define it with `def`, or give `key=` a function.")
    return f"{getattr(function, '__module__', None)}.{name}"


def _calling(
    cache: "Cache | AsyncCache", function: Callable[..., Any], key_of: Callable[..., str], terms: dict[str, Any]
) -> Callable[..., Any]:
    if isinstance(cache, Cache):

        def call(*arguments: Any, **named: Any) -> Any:
            load = functools.partial(function, *arguments, **named)
            return cache.get_or_load(key_of(*arguments, **named), load, **terms)

        return call

    async def call_later(*arguments: Any, **named: Any) -> Any:
        load = functools.partial(function, *arguments, **named)
        return await cache.get_or_load(key_of(*arguments, **named), load, **terms)

    return call_later
