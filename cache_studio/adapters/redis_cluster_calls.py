"""Commands of a running application to a cluster: each to the node that serves its key."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from redis.crc import key_slot

from cache_studio.adapters.redis_calls import MAX_CONNECTIONS, Calls, Command, Exchange, ServerCalls, unavailable
from cache_studio.adapters.redis_options import Place
from cache_studio.adapters.redis_slots import REDIRECTIONS, Address, SlotMap, read_map, slot_of, spread
from cache_studio.model.errors import CacheStudioError, CacheUnavailable

LOOK_SECONDS = 0.5
"""The nodes are asked for their slots at most this often."""
_ASKING = ("ASKING",)


class ClusterCalls(Calls):
    """Calls to the primaries of a cluster, each with connections of its own.

    When a node breaks off, its calls fail until another one has taken its place: then they go there.
    """

    def __init__(self, place: Place, most: int = MAX_CONNECTIONS) -> None:
        """Prepare; connects at the first call."""
        super().__init__(place)
        self.followers: list[Callable[[SlotMap], None]] = []
        """Told, by the thread that noticed, when other nodes are primaries than before."""
        self._most = most
        self._closed = False
        self._slots: SlotMap | None = None
        self._looked_at = 0.0
        self._nodes: dict[Address, ServerCalls] = {}
        self._lock = threading.Lock()

    @property
    def slots(self) -> SlotMap:
        """Who serves what, as it was told last; CacheUnavailable when no node ever told."""
        return self._slots or self.look_again()

    def look_again(self) -> SlotMap:
        """Ask who serves what, unless that was asked a moment ago; CacheUnavailable when no node ever told."""
        with self._lock:
            before = self._slots
            if before is not None and time.monotonic() - self._looked_at < LOOK_SECONDS:
                return before
            try:
                self._slots = found = read_map(self.place, before.primaries if before else ())
            except CacheUnavailable:
                if before is None:
                    raise
                return before
            finally:
                self._looked_at = time.monotonic()
            gone = [self._nodes.pop(address) for address in set(self._nodes) - set(found.primaries)]
        for calls in gone:
            calls.close()
        if before is not None and before.primaries != found.primaries:
            for follower in list(self.followers):
                follower(found)
        return found

    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """The answers in order, each of the node that serves the key; an MGET is several GETs."""
        single = [one for command in commands for one in _singles(command)]
        if any(command[0] == "SCAN" for command in single):
            answers = [self._scanned(one) if one[0] == "SCAN" else self._spread([one])[0] for one in single]
        else:
            answers = self._spread(single)
        rest = iter(answers)
        return [[next(rest) for _key in command[1:]] if command[0] == "MGET" else next(rest) for command in commands]

    def each(self, commands: Sequence[Command]) -> list[list[Any]]:
        """The answers of every primary."""
        return [self._node(address).exchange(commands) for address in self.slots.primaries]

    def together(self, commands: Sequence[Command], beside: Sequence[Command] = ()) -> list[Any]:
        """One transaction where all keys share a slot, and what is beside after it."""
        slots = {slot_of(command) for command in commands}
        if len(slots) > 1:
            found = self.answers(commands)
        else:
            (answer,) = spread([slots.pop()], self._address, self._transaction(commands), self.look_again)
            if isinstance(answer, Exception):
                raise unavailable(answer, self.place) from answer
            found = answer if isinstance(answer, list) else []
        if beside:
            with suppress(CacheUnavailable):
                self.exchange(beside)
        return found

    def at_once(self, commands: Sequence[Command], after: Sequence[Command]) -> tuple[list[Any], list[Any]]:
        """One after the other: the keys lie on several nodes."""
        sent = self.answers([*commands, *after])
        return sent[: len(commands)], sent[len(commands) :]

    def line(self, key: bytes) -> AbstractContextManager[Exchange]:
        """One connection to the node that serves a key."""
        return self._node(self._address(key_slot(key))).line(key)

    def apart(self, keys: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Those in the slot of the first, and the others."""
        slot = key_slot(keys[0])
        return [key for key in keys if key_slot(key) == slot], [key for key in keys if key_slot(key) != slot]

    def close(self) -> None:
        """Close the connections to all nodes."""
        self._closed = True
        for calls in list(self._nodes.values()):
            calls.close()

    def begin_in_child(self) -> None:
        """The calls to each node begin anew by themselves; this thread may have been any."""
        self._lock = threading.Lock()

    def _node(self, address: Address) -> ServerCalls:
        with self._lock:
            if self._closed:
                raise CacheUnavailable(f"The connection to {self.place} was closed.", "Open the cache again.")
            if address not in self._nodes:
                self._nodes[address] = ServerCalls(self.place.node(*address), self._most)
            return self._nodes[address]

    def _address(self, slot: int | None) -> Address:
        slots = self.slots
        if slot is None:
            return slots.primaries[0]
        if not slots.serves(slot):
            slots = self.look_again()  # a replica may have taken over by now
        return slots.owner(slot)

    def _spread(self, commands: Sequence[Command]) -> list[Any]:
        def send(address: Address, asking: bool, places: Sequence[int]) -> list[Any]:
            wanted = [commands[at] for at in places]
            if not asking:
                return self._sent(address, lambda node: node.exchange(wanted))
            led = [words for command in wanted for words in (_ASKING, command)]
            return self._sent(address, lambda node: node.exchange(led))[1::2]

        return spread([slot_of(command) for command in commands], self._address, send, self.look_again)

    def _transaction(self, commands: Sequence[Command]) -> Callable[[Address, bool, Sequence[int]], list[Any]]:
        def send(address: Address, asking: bool, _places: Sequence[int]) -> list[Any]:
            try:
                return self._sent(address, lambda node: [node.together(commands, (), [_ASKING] if asking else ())])
            except CacheStudioError as error:
                if isinstance(error.__cause__, REDIRECTIONS):
                    return [error.__cause__]
                raise

        return send

    def _sent(self, address: Address, send: Callable[[ServerCalls], list[Any]]) -> list[Any]:
        try:
            return send(self._node(address))
        except CacheUnavailable as error:
            if not isinstance(error.__cause__, REDIRECTIONS):
                self.look_again()  # another node may have taken its place: the next call goes there
            raise

    def _scanned(self, command: Command) -> Any:
        address, cursor = self.slots.place_in_scan(command[1])
        answer = self._sent(address, lambda node: node.exchange([(command[0], cursor, *command[2:])]))[0]
        if isinstance(answer, list):
            answer[0] = self.slots.cursor_after(address, answer[0])
        return answer


def _singles(command: Command) -> Sequence[Command]:
    return [("GET", key) for key in command[1:]] if command[0] == "MGET" else [command]


def open_calls(place: Place, most: int = MAX_CONNECTIONS) -> Calls:
    """Prepare calls to one server or to a cluster; connects at the first call.

    At most `most` connections, on a cluster to each node.
    """
    return ClusterCalls(place, most) if place.is_cluster else ServerCalls(place, most)
