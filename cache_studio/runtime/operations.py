"""Results of AI operations (systems.md, S3): keys, TTL and tags by what was asked, on a cache of several levels."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cache_studio.runtime.cache import Cache
from cache_studio.runtime.keys import operation_key

NAMESPACE = "ai_operations"
"""Where results lie that name no other namespace."""
HOUR = 3600.0
TTLS: Mapping[str, float] = {
    "analyze": 6 * HOUR,
    "generate": 2 * HOUR,
    "classify": 12 * HOUR,
    "extract": 8 * HOUR,
    "summarize": 4 * HOUR,
    "translate": 24 * HOUR,
}
"""Seconds that the result of an operation is kept."""
OTHER_TTL = 4 * HOUR
"""What the result of any other operation is kept."""
MEMORY, COMPRESSED = 500, 2000
"""Entries of the first and of the second level."""
LARGE, SMALL = 1000, 100
"""Characters of input from which on, and below which, a result is tagged so."""
SECONDS_PER_MISS = 2.0
"""What an operation takes, where no loader measured it."""


def ttl_of(operation: str) -> float:
    """Seconds that the result of an operation is kept, unless the application says otherwise."""
    return TTLS.get(operation, OTHER_TTL)


def tags_of(operation: str, given: object, model: str = "", mode: str = "") -> tuple[str, ...]:
    """The operation, `model:...`, `mode:...`, and `large_input` or `small_input`; removal goes by any of them."""
    length = len(str(given))
    size = "large_input" if length > LARGE else "small_input" if length < SMALL else ""
    named = (f"{name}:{value}" for name, value in (("model", model), ("mode", mode)) if value)
    return tuple(filter(None, (operation, *named, size)))


class OperationCache:
    """Results by operation, input and parameters. `cache` is the cache below, for removal, statistics and the rest."""

    def __init__(
        self,
        folder: str | Path,
        *,
        memory: int = MEMORY,
        compressed: int = COMPRESSED,
        disk: bool = True,
        seconds_per_miss: float = SECONDS_PER_MISS,
        **options: Any,
    ) -> None:
        """Open or create the cache in `folder`; the first two levels hold so many entries, 0 is no such level.

        Without `disk` nothing is written there: `folder` names a cache in memory. Other options are those of
        `Cache`, such as `distributed` for a level on Redis.
        """
        self.cache = Cache(
            f"multi-level:{folder}" if disk else f"memory:{folder}",
            namespace=NAMESPACE,
            memory=memory,
            compressed=compressed,
            seconds_per_miss=seconds_per_miss,
            **options,
        )

    def get(self, operation: str, given: object, parameters: dict[str, Any] | None = None, default: Any = None) -> Any:
        """The result for this input and these parameters, or `default`."""
        return self.cache.get(operation_key(operation, given, parameters), default)

    def put(
        self,
        operation: str,
        given: object,
        result: Any,
        parameters: dict[str, Any] | None = None,
        *,
        model: str = "",
        mode: str = "",
        ttl: float | str | None = None,
        persist: bool = True,
    ) -> None:
        """Keep a result for `ttl`, else for as long as its operation's are kept; tagged for removal."""
        self.cache.put(
            operation_key(operation, given, parameters),
            result,
            ttl=ttl_of(operation) if ttl is None else ttl,
            tags=tags_of(operation, given, model, mode),
            persist=persist,
        )

    def get_or_run(
        self,
        operation: str,
        given: object,
        run: Callable[[], Any],
        parameters: dict[str, Any] | None = None,
        *,
        model: str = "",
        mode: str = "",
        ttl: float | str | None = None,
    ) -> Any:
        """The result, or what `run` answers, kept as `put` does; one run at a time for the same question."""
        return self.cache.get_or_load(
            operation_key(operation, given, parameters),
            run,
            ttl=ttl_of(operation) if ttl is None else ttl,
            tags=tags_of(operation, given, model, mode),
        )

    def close(self) -> None:
        """Close the cache below. Safe to call twice."""
        self.cache.close()

    def __enter__(self) -> "OperationCache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
