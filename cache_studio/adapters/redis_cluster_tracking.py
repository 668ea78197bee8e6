"""What the nodes of a cluster tell of changed keys, for the memory of a running application: each tells of its own."""

import logging
import threading
from collections.abc import Callable, Iterable

from redis.exceptions import RedisError

from cache_studio.adapters.key_access import Place
from cache_studio.adapters.redis_calls import Calls
from cache_studio.adapters.redis_cluster_calls import ClusterCalls
from cache_studio.adapters.redis_options import Place as Server
from cache_studio.adapters.redis_slots import Address, SlotMap
from cache_studio.adapters.redis_tracking import Heard, Tracking
from cache_studio.model.errors import CacheUnavailable

_log = logging.getLogger(__name__)


def tracking_of(
    calls: Calls, prefix: str, places: Callable[[str], Iterable[Place | None]], changed: Heard
) -> "Tracking | ClusterTracking":
    """What listens for changes where these calls go."""
    if isinstance(calls, ClusterCalls):
        return ClusterTracking(calls, prefix, places, changed)
    return Tracking(calls.place, prefix, places, changed)


class ClusterTracking:
    """A `Tracking` of each primary; one that takes the place of another is listened to as soon as it is known."""

    def __init__(
        self, calls: ClusterCalls, prefix: str, places: Callable[[str], Iterable[Place | None]], changed: Heard
    ) -> None:
        """Prepare, as `Tracking`."""
        self._calls = calls
        self._prefix = prefix
        self._places = places
        self._changed = changed
        self._nodes: dict[Address, Tracking] = {}
        self._closed = False
        self._lock = threading.Lock()

    def begin(self) -> bool:
        """Listen from now on; False where a node refuses. Nodes that are not there are tried until they come."""
        self._calls.followers.append(self._follow)
        try:
            addresses = self._calls.slots.primaries
        except CacheUnavailable:
            addresses = self._calls.place.hosts
        if all([tracking.begin() for tracking in self._added(addresses)]):
            return True
        self.close()
        return False

    def close(self) -> None:
        """End it; no call comes after, unless this is one. Safe to call twice."""
        self._closed = True
        if self._follow in self._calls.followers:
            self._calls.followers.remove(self._follow)
        for tracking in self._removed(self._nodes):
            tracking.close()

    def _follow(self, slots: SlotMap) -> None:
        for tracking in self._removed(set(self._nodes) - set(slots.primaries)):
            tracking.close()
        for tracking in self._added(slots.primaries):
            if not tracking.begin():
                _log.info("A node of the cluster at %s does not tell of changes.", self._calls.place)
        if not self._closed:
            self._changed(None)  # what the new ones were told before nobody has heard

    def _added(self, addresses: Iterable[Address]) -> list[Tracking]:
        with self._lock:
            new = [] if self._closed else [address for address in addresses if address not in self._nodes]
            self._nodes |= {address: self._of(address) for address in new}
            return [self._nodes[address] for address in new]

    def _removed(self, addresses: Iterable[Address]) -> list[Tracking]:
        with self._lock:
            return [self._nodes.pop(address) for address in list(addresses)]

    def _of(self, address: Address) -> Tracking:
        server = self._calls.place.node(*address)
        return _NodeTracking(server, self._prefix, self._places, self._changed, self._lost)

    def _lost(self) -> None:
        try:
            self._calls.look_again()
        except CacheUnavailable:
            return


class _NodeTracking(Tracking):
    """One that asks the cluster who is there now whenever its node cannot be reached."""

    def __init__(
        self,
        server: Server,
        prefix: str,
        places: Callable[[str], Iterable[Place | None]],
        changed: Heard,
        lost: Callable[[], None],
    ) -> None:
        super().__init__(server, prefix, places, changed)
        self._lost = lost

    def _connect(self) -> None:
        try:
            super()._connect()
        except (RedisError, OSError):
            self._lost()
            raise
