"""Keys of a whole cluster: listed node by node, described, removed and restored where each lies.

The nodes keep their own `Listing` and `Remover`; what is here says whose turn it is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, cast

from redis.crc import key_slot

from cache_studio.adapters.base import EntryCopy, Keep
from cache_studio.adapters.redis_cluster import ClusterLink, NodeLink
from cache_studio.adapters.redis_key_copies import KeyCopy, Names
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import ELSEWHERE, Described, Listing
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_removal import MakeCopy, Remover
from cache_studio.adapters.redis_rights import Command
from cache_studio.adapters.redis_slots import ATTEMPTS, Address
from cache_studio.model.columns import Reach
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.seeing import Fate, Restoration, Return

ROUNDS = 4
"""How often nodes that were given slots while they were listed are listed again."""
MOVING = "Slots of the cluster are moving between its nodes: some keys may be missing."
PARTLY = "A part of the cluster is not listed."
APART = "Its parts lie on two nodes and DUMP is not allowed, so it cannot be copied as a whole."


def listing_of(link: Link, *, with_access: bool) -> Listing:
    """What lists the keys behind a link."""
    kind = ClusterListing if isinstance(link, ClusterLink) else Listing
    return kind(link, with_access=with_access)


def remover_of(link: Link, listing: Listing) -> Remover:
    """What removes and restores keys behind a link; `listing` is that of `listing_of`."""
    return ClusterRemover(link, listing) if isinstance(listing, ClusterListing) else Remover(link, listing)


class ClusterListing(Listing):
    """The keys of all nodes. A key that moves from one to another meanwhile may come twice."""

    def __init__(self, link: Link, *, with_access: bool) -> None:
        """`link` is one to a cluster."""
        super().__init__(link, with_access=with_access)
        self.cluster = cast(ClusterLink, link)
        self._listings: dict[NodeLink, Listing] = {}

    def at(self, node: NodeLink) -> Listing:
        """The listing of one node."""
        if node not in self._listings:
            self._listings[node] = Listing(node, with_access=self.with_access)
        return self._listings[node]

    def pages(self, prefix: str) -> Iterator[Described]:
        """All keys with this prefix, node by node; `partial` names the nodes that could not be listed.

        A node that was given slots while it was listed, or is just being given some, is listed again.
        """
        self.partial = ""
        problems: dict[str, None] = {}
        with self._link.call():
            slots = self.cluster.look_again()
        waiting: Sequence[Address] = slots.primaries
        keys = self._keys_at(waiting)
        for _round in range(ROUNDS):
            receiving: set[Address] = set()
            for part, address in enumerate(waiting, 1):
                self.reach = None if keys is None else Reach(keys, part=part, parts=len(waiting))
                try:
                    with self._link.call():
                        node = self.cluster.node(address)
                        if is_receiving(node):
                            receiving.add(address)
                    yield from self._pages_of(node, prefix, problems)
                except CacheUnavailable as error:
                    problems[error.message] = None
            with self._link.call():
                before, slots = slots, self.cluster.look_again()
                gained = [one for one in slots.primaries if slots.slots_of(one) - before.slots_of(one)]
                waiting = list(dict.fromkeys([*receiving, *gained]))
            if not waiting:
                break
        else:
            problems[MOVING] = None
        if slots.unserved:
            problems[self._why_unserved(slots.unserved)] = None
        if problems:
            self.partial = " ".join((PARTLY, *problems))

    def _keys_at(self, primaries: Sequence[Address]) -> int | None:
        # Of the nodes that answer; None where that may not be asked.
        counted: list[int | None] = []
        for address in primaries:
            with suppress(CacheUnavailable), self._link.call():
                counted.append(self.at(self.cluster.node(address)).count_keys())
        known = [keys for keys in counted if keys is not None]
        return sum(known) if known and len(known) == len(counted) else None

    def _why_unserved(self, count: int) -> str:
        with self._link.call():
            lost = ", ".join(f"{host}:{port}" for host, port in self.cluster.lost())
        return f"{count} slots are served by nobody{f', for want of {lost}' if lost else ''}."

    def _pages_of(self, node: NodeLink, prefix: str, problems: dict[str, None]) -> Iterator[Described]:
        listing = self.at(node)
        for page in listing.pages(prefix):
            # What lies here and is served elsewhere is listed there.
            yield page.only([row for row, kind in enumerate(page.kinds) if kind != ELSEWHERE])
        if listing.partial:
            problems[listing.partial] = None

    def describe(self, names: Sequence[str]) -> Described:
        """These keys, in this order; CacheUnavailable when a node cannot be reached."""
        rows: dict[int, Described] = {}
        waiting = list(range(len(names)))
        with self._link.call():
            for attempt in range(ATTEMPTS):
                keys = [bytes_of(names[at]) for at in waiting]
                if attempt:
                    self.cluster.look_again()
                    homes = self.cluster.where(keys)
                else:
                    homes = [self.cluster.owner(key) for key in keys]
                for address in dict.fromkeys(homes):
                    places = [at for at, home in zip(waiting, homes, strict=True) if home == address]
                    found = self.at(self.cluster.node(address)).describe([names[at] for at in places])
                    rows.update((at, found.only([row])) for row, at in enumerate(places))
                waiting = [at for at in waiting if rows[at].kinds[0] == ELSEWHERE]
                if not waiting:
                    break
            else:
                raise CacheUnavailable(MOVING, "Try again in a moment.")
        described = Described()
        for at in range(len(names)):
            described.extend(rows[at])
        return described


class ClusterRemover(Remover):
    """Each entry by the remover of the node where it lies.

    The keys of an entry that lie in several slots cannot be compared and removed in one step: the first key goes
    first and the others follow, each only while it is what was copied; coming back, the first comes last.
    """

    def __init__(self, link: Link, listing: ClusterListing) -> None:
        """`link` is one to a cluster."""
        super().__init__(link, listing)
        self._of_all = listing
        self._removers: dict[NodeLink, Remover] = {}

    def copy_and_remove(
        self, entries: Sequence[tuple[Names, Described]], make_copy: MakeCopy, keep: Keep
    ) -> list[Fate | str]:
        """As for one server, node by node."""
        fates: list[Fate | str] = [Fate.GONE] * len(entries)
        parts = {at: _parts(names) for at, (names, _now) in enumerate(entries)}
        apart = {at for at, found in parts.items() if len(found) > 1}
        if apart and not self._link.rights.dumps:
            fates = [APART if at in apart else Fate.GONE for at in range(len(entries))]
            parts = {at: found for at, found in parts.items() if at not in apart}
        for remover, places in self._by_home({at: entries[at][0][0] for at in parts}):
            beside = {at: self._copies_beside(entries[at], parts[at][1:]) for at in places if at in apart}

            def made(
                at: int,
                keys: Sequence[KeyCopy],
                places: Sequence[int] = places,
                beside: dict[int, list[tuple[Names, list[KeyCopy]]]] = beside,
            ) -> EntryCopy:
                others = [copy for _names, copies in beside.get(places[at], ()) for copy in copies]
                return make_copy(places[at], [*keys, *others])

            first = [_part(entries[at], parts[at][0]) for at in places]
            for at, fate in zip(places, remover.copy_and_remove(first, made, keep), strict=True):
                fates[at] = fate
            for at, others in beside.items():
                if fates[at] is Fate.REMOVED:
                    for names, copies in others:
                        self._at(names[0]).remove_equal([(names, copies)])
        return fates

    def remove_seen(self, entries: Sequence[Described]) -> list[Fate | str]:
        """As for one server, node by node."""
        fates: list[Fate | str] = [Fate.GONE] * len(entries)
        parts = [_parts(tuple(now.names)) for now in entries]
        for remover, places in self._by_home({at: now.names[0] for at, now in enumerate(entries)}):
            first = [entries[at].only(parts[at][0]) for at in places]
            for at, fate in zip(places, remover.remove_seen(first), strict=True):
                fates[at] = fate
                for rows in parts[at][1:] if fate is Fate.REMOVED else ():
                    self._at(entries[at].names[rows[0]]).remove_seen([entries[at].only(rows)])
        return fates

    def do_if_seen(self, seen: Described, commands: Sequence[Command]) -> Fate | str:
        """As for one server, at the node of the first key; the server refuses keys of several slots."""
        return self._at(seen.names[0]).do_if_seen(seen, commands)

    def restore(self, keys: Sequence[KeyCopy], open_kept: Callable[[str], BinaryIO]) -> Restoration:
        """Bring the keys of one entry back, those beside the first one first; what is there now is never replaced."""
        parts = _parts(tuple(copy.name for copy in keys))
        came: list[list[KeyCopy]] = []
        answer = Restoration(Return.RESTORED)
        for rows in reversed(parts):
            part = [keys[row] for row in rows]
            remover = self._at(part[0].name)
            was_there = remover.present([part])[0]
            answer = Restoration(Return.RESTORED) if was_there else remover.restore(part, open_kept)
            if answer.fate is not Return.RESTORED:
                break
            if not was_there:
                came.append(part)
        else:
            return answer
        for again in came:  # all or none
            self._at(again[0].name).remove_equal([(tuple(text_of(copy.name) for copy in again), again)])
        return answer

    def present(self, entries: Sequence[Sequence[KeyCopy]]) -> list[bool]:
        """Whether all keys of each entry are stored as they were copied."""
        return [
            all(
                self._at(keys[rows[0]].name).present([[keys[row] for row in rows]])[0]
                for rows in _parts(tuple(copy.name for copy in keys))
            )
            for keys in entries
        ]

    def _copies_beside(
        self, entry: tuple[Names, Described], parts: Sequence[Sequence[int]]
    ) -> list[tuple[Names, list[KeyCopy]]]:
        found = []
        for rows in parts:
            names, now = _part(entry, rows)
            found.append((names, self._at(names[0]).copies([now])[0]))
        return found

    def _at(self, name: str | bytes) -> Remover:
        return self._of(self._of_all.cluster.home(name if isinstance(name, bytes) else bytes_of(name)))

    def _of(self, node: NodeLink) -> Remover:
        if node not in self._removers:
            self._removers[node] = Remover(node, self._of_all.at(node))
        return self._removers[node]

    def _by_home(self, names: dict[int, str]) -> list[tuple[Remover, list[int]]]:
        found: dict[NodeLink, list[int]] = {}
        for at, name in names.items():
            found.setdefault(self._of_all.cluster.home(bytes_of(name)), []).append(at)
        return [(self._of(node), places) for node, places in found.items()]


def is_receiving(node: NodeLink) -> bool:
    """Whether keys are being moved to this node; False where it may not tell."""
    told = node.exchange([("CLUSTER", "NODES")])[0]
    lines = told.decode("utf-8", "replace").splitlines() if isinstance(told, bytes) else []
    return any("-<-" in line for line in lines if "myself" in line.split(" ", 3)[2])


def _parts(names: Sequence[str | bytes]) -> list[list[int]]:
    """The places of the names of one entry by slot, those that lie with the first one first."""
    found: dict[int, list[int]] = {}
    for at, name in enumerate(names):
        found.setdefault(key_slot(name if isinstance(name, bytes) else bytes_of(name)), []).append(at)
    return list(found.values())


def _part(entry: tuple[Names, Described], rows: Sequence[int]) -> tuple[Names, Described]:
    names, now = entry
    return tuple(names[row] for row in rows), now.only(rows)
