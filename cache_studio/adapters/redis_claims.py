"""Who loads a key, agreed between processes by a marker on the server that ends by itself."""

from cache_studio.adapters.redis_calls import Calls, key_bytes, unavailable
from cache_studio.adapters.redis_compare import remove_value
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.model.errors import CacheUnavailable

MARKER = "processing:"
"""What the name of a marker begins with, after the prefix."""
PROBLEM_MS = 5_000
"""How long those who wait can read why nothing was loaded."""
_PROBLEM_LENGTH = 2_000
_TRIES = 10


class Claims:
    """The markers below `head`, one for each key; a token says whose it is."""

    def __init__(self, calls: Calls, head: str) -> None:
        """Prepare; connects at the first call."""
        self._calls = calls
        self._head = head

    def claim(self, key: str, token: str, seconds: float) -> str:
        """The token of who loads: the given one, or another's who was first. CacheUnavailable as `Calls` has it."""
        marker, life = self._marker(key), max(1, round(seconds * 1000))
        for _attempt in range(_TRIES):
            taken, holder = self._calls.exchange([("SET", marker, bytes_of(token), "NX", "PX", life), ("GET", marker)])
            if isinstance(taken, Exception):
                raise unavailable(taken, self._calls.place) from taken
            if taken is not None:
                return token
            if isinstance(holder, bytes):
                return text_of(holder)
            if holder is not None:
                break  # of another type: somebody else's key
        raise CacheUnavailable(f"Who loads a key cannot be agreed on at {self._calls.place}.", "Load without a claim.")

    def release(self, key: str, token: str, problem: str) -> None:
        """End this claim and no other; `problem` is told before it ends."""
        if problem:
            said = problem[:_PROBLEM_LENGTH].encode("utf-8", "replace")
            self._calls.answers([("SET", self._marker(f"{key}:{token}"), said, "PX", PROBLEM_MS)])
        remove_value(self._calls, [self._marker(key)], bytes_of(token))

    def problem(self, key: str, token: str) -> str:
        """What was said at the end of that claim, or ""."""
        (said,) = self._calls.answers([("GET", self._marker(f"{key}:{token}"))])
        return said.decode("utf-8", "replace") if isinstance(said, bytes) else ""

    def _marker(self, key: str) -> bytes:
        return key_bytes(self._head + key)


def markers_outside(prefix: str) -> str:
    """Where the markers of the entries below `prefix` begin, outside of it: `app:cache:` has `app:processing:cache:`.

    Nothing is outside of an empty prefix: its markers are `processing:...`.
    """
    root, colon, last = prefix.rstrip(":").rpartition(":")
    return f"{root}{colon}{MARKER}{last}:" if last else root + colon + MARKER
