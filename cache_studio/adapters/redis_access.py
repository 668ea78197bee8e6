"""What both runtime doors to Redis share: a pool that threads may share, and errors as sentences."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Self, cast

from redis import ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cache_studio.adapters.key_access import KeyAccess, Known
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import CONNECT_SECONDS, Place, bytes_of, glob_of, place_of, text_of
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

MAX_CONNECTIONS = 50
_PAGE = 200


class RedisAccess(KeyAccess):
    """By key, from many threads. A server that is not there raises CacheUnavailable at each call, also the first."""

    def __init__(self, place: Place, options: Mapping[str, OptionValue]) -> None:
        """Prepare; connects at the first call."""
        self._place = place
        self._prefix = str(options.get("prefix") or "")
        self._redis: Any = client_of(place)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> Self:
        """A door to the prefix of this target; nothing has to be created."""
        return cls(place_of(target, options), options)

    def close(self) -> None:
        """Close all connections."""
        self._redis.connection_pool.disconnect()

    def _at_once(self, *commands: tuple[object, ...], transaction: bool = False) -> list[Any]:
        with sentences(self._place), self._redis.pipeline(transaction=transaction) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = pipeline.execute(raise_on_error=transaction)
        return answers

    def _together(self, commands: Sequence[tuple[object, ...]], beside: Sequence[tuple[object, ...]]) -> None:
        """One transaction; what fails `beside` (a key that the application uses for something else) is left out."""
        with sentences(self._place), self._redis.pipeline(transaction=True) as pipeline:
            for command in (*commands, *beside):
                pipeline.execute_command(*command)
            answers = pipeline.execute(raise_on_error=False)
            for answer in answers[: len(commands)]:
                if isinstance(answer, Exception):
                    raise answer

    def _stored(self) -> Iterator[tuple[str, int, int]]:
        """Name, bytes and remaining milliseconds (-1: never stale) of the string keys under the prefix."""
        with sentences(self._place):
            walk = cast(
                Iterator[bytes], self._redis.scan_iter(match=glob_of(self._prefix), count=_PAGE, _type="string")
            )
            while names := list(islice(walk, _PAGE)):
                yield from self._measured(names)

    def _measured(self, names: Sequence[bytes]) -> Iterator[tuple[str, int, int]]:
        answers = self._at_once(*(words for name in names for words in (("STRLEN", name), ("PTTL", name))))
        for name, size, left in zip(names, answers[::2], answers[1::2], strict=True):
            if isinstance(size, int) and isinstance(left, int) and left != -2:
                yield text_of(name), size, left

    def _key(self, key: str) -> bytes:
        return bytes_of(self._prefix + key)


def known_of(key: str, namespace: str, size: int, left: int, now: float) -> Known:
    """What `_stored` tells of one key; Redis keeps no time of creation (NaN)."""
    return Known(key, namespace, size, float("nan"), None if left < 0 else now + left / 1000)


@contextmanager
def sentences(place: Place) -> Iterator[None]:
    """What the driver raises inside leaves as an error of the model."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise explain(error, place) from error


def client_of(place: Place) -> Redis:
    """A client that threads may share; it connects when it is first used."""
    return Redis(connection_pool=_pool(place))


def _pool(place: Place) -> ConnectionPool:
    settings: dict[str, Any] = {
        "db": place.db,
        "username": place.user or None,
        "password": place.password or None,
        "socket_timeout": place.timeout,
        "socket_connect_timeout": min(CONNECT_SECONDS, place.timeout),
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "max_connections": MAX_CONNECTIONS,
    }
    if place.path:
        settings.pop("socket_connect_timeout")
        return ConnectionPool(connection_class=UnixDomainSocketConnection, path=place.path, **settings)
    settings |= {"host": place.host, "port": place.port}
    if place.scheme == "rediss":
        return ConnectionPool(connection_class=SSLConnection, ssl_ca_certs=place.ca or None, **settings)
    return ConnectionPool(**settings)
