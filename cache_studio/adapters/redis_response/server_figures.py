"""What a running application asks the server about its response cache, beside the entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from cache_studio.adapters.redis_calls import Calls
from cache_studio.adapters.redis_cluster_calls import open_calls
from cache_studio.adapters.redis_options import place_of
from cache_studio.adapters.redis_own_reads import info_numbers
from cache_studio.adapters.redis_response.metrics import Noted, noted_since
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """The server itself; None is not told."""

    memory: int | None
    """Bytes that it uses, of all its databases; of a cluster those of all nodes."""
    total_keys: int | None
    """Keys of this database, whoever wrote them."""


class Figures:
    """Asked now and then, from any thread. CacheUnavailable for a server that is not there."""

    def __init__(self, calls: Calls, prefix: str) -> None:
        """Prepare; connects at the first call."""
        self._calls = calls
        self._prefix = prefix

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> Self:
        """Of the entries below the prefix of this target."""
        return cls(open_calls(place_of(target, options), _CONNECTIONS), str(options.get("prefix") or ""))

    def server(self) -> ServerFigures:
        """Memory and keys, in one round trip. What this user may not ask is None."""
        told = self._calls.each([("INFO", "memory"), ("DBSIZE",)])
        memory = [info_numbers(info).get("used_memory") if isinstance(info, bytes) else None for info, _keys in told]
        return ServerFigures(_sum(memory), _sum([keys if isinstance(keys, int) else None for _info, keys in told]))

    def requests_since(self, moment: float) -> list[Noted]:
        """The requests noted since then (epoch seconds), oldest first."""
        return noted_since(self._calls.answers, self._prefix, moment)

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        self._calls.close()


def _sum(numbers: Sequence[int | None]) -> int | None:
    """Over all servers; None where one does not tell."""
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
