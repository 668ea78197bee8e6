"""Which node of a cluster serves a key: the map of the 16,384 slots, and where in a command its key stands."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisError, TryAgainError

from cache_studio.adapters.redis_connect import connection_of
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import Place
from cache_studio.model.errors import CacheUnavailable

SLOTS = 16_384
Address: TypeAlias = tuple[str, int]
"""Host and port of a node."""
Command: TypeAlias = tuple[Any, ...]
_KEY_AT = {"EVAL": 3, "EVALSHA": 3, "MEMORY": 2, "OBJECT": 2}
"""Where the key stands in commands that do not have it first."""
_WITHOUT = frozenset(
    ("PING", "TIME", "INFO", "CONFIG", "SCAN", "DBSIZE", "MULTI", "EXEC", "DISCARD", "UNWATCH", "CLIENT", "CLUSTER")
)
REDIRECTIONS = (AskError, TryAgainError, ClusterDownError)
"""Answers of a node that does not serve a key now; that another one does for good is an AskError, too."""
ATTEMPTS = 5
"""How often a command follows a key that moves, or waits for its slot to be served."""
FIRST_WAIT = 0.02
"""Seconds before the second attempt; doubled each time."""
_START = b"0"
_BETWEEN = b"|"


def slot_of(command: Command) -> int | None:
    """The slot of a command's (first) key; None where it has no key."""
    name = command[0]
    if name in _WITHOUT:
        return None
    at = _KEY_AT.get(name, 1)
    if at == 3 and not command[2]:
        return None
    return key_slot(command[at]) if len(command) > at else None


@dataclass(frozen=True, slots=True)
class SlotMap:
    """Who serves which slot, as one node of the cluster told it."""

    owners: tuple[Address | None, ...]
    """The primary of each slot; None where nobody serves it."""
    primaries: tuple[Address, ...]
    """All that serve slots, in order."""

    def serves(self, slot: int) -> bool:
        """Whether somebody serves a slot."""
        return self.owners[slot] is not None

    @property
    def unserved(self) -> int:
        """How many slots nobody serves."""
        return self.owners.count(None)

    def owner(self, slot: int) -> Address:
        """The primary of a slot; CacheUnavailable where nobody serves it."""
        found = self.owners[slot]
        if found is None:
            raise CacheUnavailable(
                f"No node of the cluster serves slot {slot}.", "A node is missing: see CLUSTER SLOTS on another one."
            )
        return found

    def slots_of(self, address: Address) -> frozenset[int]:
        """The slots that a node serves."""
        return frozenset(slot for slot, owner in enumerate(self.owners) if owner == address)

    def place_in_scan(self, cursor: bytes) -> tuple[Address, bytes]:
        """The node, and its own cursor, at which a SCAN over all nodes goes on."""
        head, between, rest = cursor.rpartition(_BETWEEN)
        if not between:
            return self.primaries[0], _START
        host, _colon, port = head.decode().rpartition(":")
        found = (host, int(port))
        return found if found in self.primaries else self.primaries[0], rest

    def cursor_after(self, address: Address, cursor: bytes) -> bytes:
        """The cursor of a SCAN over all nodes where that of one node stands; b"0" at the end of the last."""
        if cursor == _START:
            following = next((one for one in self.primaries if one > address), None)
            if following is None:
                return _START
            address = following
        return f"{address[0]}:{address[1]}".encode() + _BETWEEN + cursor


def spread(
    slots: Sequence[int | None],
    address_of: Callable[[int | None], Address],
    send: Callable[[Address, bool, Sequence[int]], Sequence[object]],
    look_again: Callable[[], object],
) -> list[object]:
    """The answers for each of these slots in order, each asked of the node that serves it, wherever that goes.

    `send` gets a node, whether keys are just moving to it (ASKING), and places in `slots`; `look_again` renews what
    `address_of` knows. What nobody serves in the end is answered by the error of the last node.
    """
    answers: list[object] = [None] * len(slots)
    waiting = {at: address_of(slot) for at, slot in enumerate(slots)}
    moving: dict[int, Address] = {}
    for attempt in range(ATTEMPTS):
        for address, asking, places in _grouped(waiting, moving):
            for at, answer in zip(places, send(address, asking, places), strict=True):
                answers[at] = answer
        elsewhere = {at: answer for at in waiting if isinstance(answer := answers[at], REDIRECTIONS)}
        if not elsewhere or attempt == ATTEMPTS - 1:
            break
        told = {at: (error.host, error.port) for at, error in elsewhere.items() if isinstance(error, AskError)}
        moving = {at: address for at, address in told.items() if not isinstance(elsewhere[at], MovedError)}
        if len(moving) < len(elsewhere):
            time.sleep(FIRST_WAIT * 2**attempt)
            look_again()
        # What has moved is asked where that was said: the nodes may have been looked at too shortly before that.
        waiting = {at: told.get(at) or address_of(slots[at]) for at in elsewhere}
    return answers


def _grouped(waiting: dict[int, Address], moving: dict[int, Address]) -> list[tuple[Address, bool, list[int]]]:
    """By node, and whether the keys are just moving there."""
    found: dict[tuple[Address, bool], list[int]] = {}
    for at, address in waiting.items():
        found.setdefault((address, at in moving), []).append(at)
    return [(address, asking, places) for (address, asking), places in found.items()]


def read_map(place: Place, known: Iterable[Address] = ()) -> SlotMap:
    """What the first node that answers tells; the `known` ones are asked before those that the URL names.

    CacheUnavailable where none answers, or the first that does belongs to no cluster.
    """
    problem: Exception | None = None
    for host, port in dict.fromkeys((*known, *place.hosts)):
        node = place.node(host, port)
        connection = connection_of(node)
        try:
            connection.connect()
            connection.send_command("CLUSTER", "SLOTS", check_health=False)
            return _read(connection.read_response(disable_decoding=True), host)
        except (RedisError, OSError) as error:
            problem = explain(error, node)
            problem.__cause__ = error
        finally:
            connection.disconnect()
    assert problem is not None  # a URL names a host
    raise problem


def _read(answer: object, asked: str) -> SlotMap:
    owners: list[Address | None] = [None] * SLOTS
    for first, last, primary, *_replicas in cast(Sequence[Sequence[Any]], answer):
        # A node that does not know its own name is where it was asked.
        owner = ((primary[0] or asked.encode()).decode(), int(primary[1]))
        owners[first : last + 1] = [owner] * (last + 1 - first)
    primaries = tuple(sorted({owner for owner in owners if owner is not None}))
    if not primaries:
        raise CacheUnavailable("The cluster serves no slots.", "It was not set up, or this node was forgotten by it.")
    return SlotMap(tuple(owners), primaries)
