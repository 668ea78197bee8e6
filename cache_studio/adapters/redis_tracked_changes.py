"""Changes as a server tells them to a client that tracks (from Redis 6 on): needs no setting, tells no misses."""

from typing import cast

from redis.exceptions import RedisError, ResponseError

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_stream import ChangeStream
from cache_studio.adapters.redis_tracking import as_it_is
from cache_studio.model.errors import UnsupportedAction

_INVALIDATE = b"invalidate"


def can_track(link: Link) -> bool:
    """Whether this user may track on this server; asked without doing it."""
    return not isinstance(link.exchange([("CLIENT", "TRACKING", "OFF")])[0], Exception)


class TrackedChanges(ChangeStream):
    """What one server tells of writes, removals, expiries and evictions under a prefix, in all of its databases."""

    complete = True
    protocol = 3

    def _begin(self) -> None:
        connection = self._connection
        prefix = ("PREFIX", bytes_of(self._prefix)) if self._prefix else ()
        try:
            connection.connect()
            connection._parser.invalidation_push_handler_func = as_it_is
            connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", *prefix, check_health=False)
            connection.read_response(disable_decoding=True)
        except ResponseError as error:
            raise UnsupportedAction(explain(error, self._place).message) from error
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error

    def _read(self) -> object:
        return self._connection.read_response(disable_decoding=True, push_request=True)

    def _names(self, message: object) -> set[str] | None:
        words = cast(list[object], message)
        if not isinstance(message, list) or words[0] != _INVALIDATE:
            return set()
        if not isinstance(words[1], list):
            return None  # the database was flushed
        return {name for key in words[1] if (name := text_of(key)).startswith(self._prefix)}
