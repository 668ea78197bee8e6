"""The link to a cluster: one to each primary, each command sent to the node that serves its key.

Slots may move while one looks: a node that serves a key no more, or not yet, says so, and the command is sent to where
the key is now. A node that is away does not close the others.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TypeVar

from redis.crc import key_slot

from cache_studio.adapters.redis_link import Link, Script, ScriptCall, Turn
from cache_studio.adapters.redis_options import Place
from cache_studio.adapters.redis_rights import Command, Rights
from cache_studio.adapters.redis_server_link import ServerLink
from cache_studio.adapters.redis_slots import REDIRECTIONS, Address, SlotMap, read_map, slot_of, spread
from cache_studio.model.errors import CacheUnavailable, UnsupportedAction
from cache_studio.model.seeing import Counters, Scope, Source

LOOK_SECONDS = 0.5
"""For a slot that nobody serves the nodes are asked again at most this often."""
T = TypeVar("T")


class NodeLink(ServerLink):
    """One node. A transaction of it may only touch keys of one slot, so reads of several are several transactions.

    What it serves no more when a command comes is asked of the others (`bracketed`, and scripts with keys).
    """

    entries_in_script = 1  # all keys of a call must lie in one slot
    _asks = False

    def __init__(self, cluster: "ClusterLink", address: Address, probe_key: bytes, turn: Turn) -> None:
        """Connect; `address` is the node's own among those of the cluster."""
        self._cluster = cluster
        self.address = address
        super().__init__(cluster.place.node(*address), probe_key, turn)

    def bracketed(self, commands: Sequence[Command]) -> list[object]:
        """Read; what another node serves by now is read there."""
        return self._cluster.followed(commands, self.bracketed_here(commands))

    def bracketed_here(self, commands: Sequence[Command]) -> list[object]:
        """Read from this node alone; what it does not serve is answered by an error."""
        return super().bracketed(commands)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Whatever is sent meanwhile is for keys that are moving to this node."""
        self._asks = True
        try:
            yield
        finally:
            self._asks = False

    def run_each(self, script: Script, calls: Sequence[ScriptCall]) -> list[object]:
        """One after the other, each where its keys are by now."""
        return Link.run_each(self, script, calls)

    def run_ahead(self, script: Script, call: ScriptCall) -> Callable[[], object]:
        """Where the keys are when the answer is asked for."""
        return Link.run_ahead(self, script, call)

    def exchange(self, commands: Sequence[Command]) -> list[object]:
        """As for one server; each command is announced while keys move to this node."""
        try:
            if not self._asks or ("MULTI",) in commands:
                return super().exchange(commands)
            return super().exchange([words for command in commands for words in (("ASKING",), command)])[1::2]
        except CacheUnavailable:
            self._cluster.look_again()  # another node may have taken its place: the next call goes there
            raise

    def _accept(self) -> None:
        return

    def _apart(self, commands: Sequence[Command]) -> list[list[int]]:
        by_slot: dict[int | None, list[int]] = {}
        for at, command in enumerate(commands):
            by_slot.setdefault(slot_of(command), []).append(at)
        keyless = by_slot.pop(None, []) if len(by_slot) > 1 else []
        parts = list(by_slot.values())
        parts[0] = [*keyless, *parts[0]]
        return parts

    def _lead(self, commands: Sequence[Command]) -> list[Command]:
        # A script that is given no keys looks at what lies here, also at what is just moving in.
        return [("ASKING",)] if self._asks or all(slot_of(command) is None for command in commands) else []


class ClusterLink(Link):
    """The same as the link to one server, for all nodes of a cluster together."""

    entries_in_script = 1  # all keys of a call must lie in one slot

    def __init__(self, place: Place, probe_key: bytes) -> None:
        """Connect to all primaries; CacheUnavailable when none of them answers."""
        super().__init__(place, Turn())
        self._probe_key = probe_key
        self._nodes: dict[Address, NodeLink] = {}
        self.slots: SlotMap = read_map(place)
        """Who serves what, as it was told last."""
        self._looked_at = time.monotonic()
        try:
            nodes = self.nodes()
        except BaseException:
            self.close()
            raise
        self.facts = nodes[0].facts
        self.untouching = all(node.untouching for node in nodes)
        self._rights = _shared([node.rights for node in nodes])

    @property
    def rights(self) -> Rights:
        """What the user may do on every node."""
        return self._rights

    def node(self, address: Address) -> NodeLink:
        """The link to a node; CacheUnavailable when it cannot be reached."""
        if address not in self._nodes:
            self._nodes[address] = NodeLink(self, address, self._probe_key, self._turn)
        return self._nodes[address]

    def nodes(self) -> list[NodeLink]:
        """The primaries that can be reached; CacheUnavailable when there is none."""
        found: list[NodeLink] = []
        problem: CacheUnavailable | None = None
        for address in self.slots.primaries:
            try:
                found.append(self.node(address))
            except CacheUnavailable as error:
                problem = error
        if not found and problem is not None:
            raise problem
        return found

    def look_again(self) -> SlotMap:
        """Ask who serves what; as before where nobody tells."""
        self._looked_at = time.monotonic()
        try:
            self.slots = read_map(self.place, self.slots.primaries)
        except CacheUnavailable:
            return self.slots
        for address in set(self._nodes) - set(self.slots.primaries):
            self._nodes.pop(address).close()
        return self.slots

    def owner(self, name: bytes) -> Address:
        """The node that serves a key; CacheUnavailable when there is none."""
        return self._address(key_slot(name))

    def home(self, name: bytes) -> NodeLink:
        """The same, reached; CacheUnavailable when it cannot be."""
        return self.node(self.owner(name))

    def where(self, names: Sequence[bytes]) -> list[Address]:
        """Where each key lies now, or would be written."""
        found = [self.owner(name) for name in names]

        def ask(node: NodeLink, part: Sequence[tuple[int, bytes]]) -> list[object]:
            for at, _name in part:
                found[at] = node.address
            return node.bracketed_here([("EXISTS", name) for _at, name in part])

        self._spread(list(enumerate(names)), lambda one: key_slot(one[1]), ask)
        return found

    def lost(self) -> list[Address]:
        """The primaries that the others take for gone, as far as they may tell."""
        told = self.exchange([("CLUSTER", "NODES")])[0]
        found = []
        for line in told.decode("utf-8", "replace").splitlines() if isinstance(told, bytes) else ():
            _id, address, flags, *_rest = line.split(" ")
            states = flags.split(",")
            if "master" in states and ("fail" in states or "fail?" in states):
                host, _colon, port = address.partition("@")[0].rpartition(":")
                found.append((host, int(port)))
        return found

    def break_off(self) -> None:
        """Shut all connections down."""
        for node in list(self._nodes.values()):
            node.break_off()

    def close(self) -> None:
        """Close all connections."""
        for node in self._nodes.values():
            node.close()

    def exchange(self, commands: Sequence[Command]) -> list[object]:
        """The answers in order, each of the node that serves the key; a SCAN goes over all nodes that answer."""
        if any(command[0] == "SCAN" for command in commands):
            return [self._scanned(command) for command in commands]
        return self._spread(commands, slot_of, lambda node, part: node.exchange(part))

    def everywhere(self, *command: object) -> None:
        """Have every node do it."""
        for node in self.nodes():
            node.ask(*command)

    def bracketed(self, commands: Sequence[Command]) -> list[object]:
        """Read with every node's own reads booked to it. What cannot be reached is answered by CacheUnavailable."""
        try:
            return self._bracketed(commands)
        except CacheUnavailable:
            answers: list[object] = [None] * len(commands)
            by_owner: dict[Address | None, list[int]] = {}
            for at, command in enumerate(commands):
                slot = slot_of(command)
                by_owner.setdefault(None if slot is None else self.slots.owners[slot], []).append(at)
            for places in by_owner.values():
                for at, answer in zip(places, self._bracketed_or_why([commands[at] for at in places]), strict=True):
                    answers[at] = answer
            return answers

    def _bracketed(self, commands: Sequence[Command]) -> list[object]:
        return self._spread(commands, slot_of, lambda node, part: node.bracketed_here(part))

    def _bracketed_or_why(self, commands: Sequence[Command]) -> list[object]:
        try:
            return self._bracketed(commands)
        except CacheUnavailable as error:
            return [error] * len(commands)

    def followed(self, commands: Sequence[Command], answers: list[object]) -> list[object]:
        """The same answers; those that say that another node serves the key are asked for again."""
        elsewhere = [at for at, answer in enumerate(answers) if isinstance(answer, REDIRECTIONS)]
        if elsewhere:
            self.look_again()
            for at, answer in zip(elsewhere, self.bracketed([commands[at] for at in elsewhere]), strict=True):
                answers[at] = answer
        return answers

    def run_script(self, script: Script, calls: Sequence[ScriptCall]) -> list[object]:
        """The answers of several calls, each run where its first key is."""
        return self._spread(
            calls,
            lambda call: key_slot(call[0][0]) if call[0] else None,
            lambda node, part: node.run_script(script, part),
        )

    def looked_up(self, hits: int, misses: int) -> None:
        """Reads are booked to the node that counted them, by its own link."""
        raise UnsupportedAction("A cluster as a whole counts no lookups.")

    def counters(self) -> Counters:
        """The sum over the nodes that answer; which they are is part of the epoch."""
        told = [found for node in self._answering() if (found := node.counters()).hits is not None]
        if not told:
            return Counters()
        hits, misses = (sum(getattr(one, name) or 0 for one in told) for name in ("hits", "misses"))
        return Counters(hits, misses, Source.RECORDED, Scope.SERVER, "|".join(sorted(one.epoch for one in told)))

    def info(self, section: str) -> dict[str, str]:
        """Numbers are the sum over the nodes that answer; texts are those of the first."""
        told = [info for node in self._answering() if (info := node.info(section))]
        if not told:
            return {}
        found = dict(told[0])
        for name, text in told[0].items():
            texts = [info.get(name, "") for info in told]
            if text.isdecimal() and all(map(str.isdecimal, texts)):
                endless = name == "maxmemory" and "0" in texts
                found[name] = "0" if endless else str(sum(map(int, texts)))
        return found

    def _answering(self) -> Iterator[NodeLink]:
        for node in self.nodes():
            try:
                node.ask("PING")
            except CacheUnavailable:
                continue
            yield node

    def _scanned(self, command: Command) -> object:
        # Listings go node by node and say what is missing; this one is a sample, from the nodes that answer.
        address, cursor = self.slots.place_in_scan(bytes(command[1]))  # type: ignore[call-overload]  # a cursor is bytes
        try:
            answer = self.node(address).exchange([(command[0], cursor, *command[2:])])[0]
        except CacheUnavailable:
            answer = [b"0", []]
        if isinstance(answer, list):
            answer[0] = self.slots.cursor_after(address, answer[0])
        return answer

    def _spread(
        self,
        items: Sequence[T],
        slot: Callable[[T], int | None],
        send: Callable[[NodeLink, Sequence[T]], list[object]],
    ) -> list[object]:
        """The answers in order, each asked of the node that serves its slot."""

        def send_part(address: Address, asking: bool, places: Sequence[int]) -> list[object]:
            node = self.node(address)
            with self.call(), node.asking() if asking else nullcontext():
                return send(node, [items[at] for at in places])

        return spread([slot(item) for item in items], self._address, send_part, self.look_again)

    def _address(self, slot: int | None) -> Address:
        if slot is not None:
            if not self.slots.serves(slot) and time.monotonic() - self._looked_at > LOOK_SECONDS:
                self.look_again()  # a replica may have taken over by now
            return self.slots.owner(slot)
        reached = [address for address in self.slots.primaries if address in self._nodes]
        return (reached or self.slots.primaries)[0]


def _shared(rights: Sequence[Rights]) -> Rights:
    """What is allowed on all of them. WATCH was tried with one key, which one node alone serves."""
    refused = {name: sentence for one in rights for name, sentence in one.refused.items()}
    return replace(
        rights[0],
        allowed=frozenset.intersection(*(one.allowed for one in rights)),
        refused=refused,
        transactions=all(one.transactions for one in rights),
        watch=any(one.watch for one in rights),
        replica=any(one.replica for one in rights),
    )
