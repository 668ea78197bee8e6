"""Servers that belong together, for tests: a cluster with replicas, and a primary with a replica under Sentinels.

All on loopback, without persistence; each server ends with the process that started it (`tests/servers.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import redis
from servers import HOST, RedisServer

SLOTS = 16_384
WAIT_SECONDS = 50.0
NODE_TIMEOUT_MS = 15_000
"""After so long without an answer a node of a cluster counts as gone: a busy machine is no failure."""
HURRY_MS = 1_000


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return when it holds; a failure that says what was waited for."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


class Servers:
    """Several servers that start and end together; a context manager."""

    def __init__(self, servers: Sequence[RedisServer]) -> None:
        self.servers = list(servers)

    def __enter__(self) -> Servers:
        try:
            for server in self.servers:
                server.start()
            self.join()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def join(self) -> None:
        """Make them know each other."""

    def close(self) -> None:
        """End all that run."""
        for server in self.servers:
            server.kill()
            server.close()

    @property
    def pids(self) -> list[int]:
        """Process ids of those that run."""
        return [server.pid for server in self.servers if server.pid is not None]


def client_of(server: RedisServer) -> redis.Redis:
    """A client of one server; close it."""
    return redis.Redis(host=HOST, port=server.port, protocol=2)


def asked(server: RedisServer, *words: object) -> object:
    """The answer of one server, as text where it is one."""
    client = client_of(server)
    try:
        answer = client.execute_command(*words)
        return answer.decode() if isinstance(answer, bytes) else answer
    finally:
        client.close()


class Cluster(Servers):
    """Three primaries, and as many replicas as wanted of each."""

    def __init__(self, replicas: int = 0, *, full_coverage: bool = False) -> None:
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)]
        options += ["--cluster-require-full-coverage", "yes" if full_coverage else "no"]
        options += ["--repl-diskless-sync-delay", "0"]
        super().__init__([RedisServer(options) for _ in range(3 * (1 + replicas))])
        self.primaries = self.servers[:3]
        self.replicas = self.servers[3:]

    @property
    def url(self) -> str:
        """Target URL that names two of the nodes."""
        return "redis+cluster://" + ",".join(f"{HOST}:{server.port}" for server in self.servers[:2])

    def join(self) -> None:
        """Divide the slots, meet, and follow."""
        step = SLOTS // 3 + 1
        for at, server in enumerate(self.servers):
            asked(server, "CLUSTER", "SET-CONFIG-EPOCH", at + 1)
        for at, server in enumerate(self.primaries):
            asked(server, "CLUSTER", "ADDSLOTSRANGE", at * step, min(SLOTS, (at + 1) * step) - 1)
        for at, server in enumerate(self.servers):
            for other in self.servers[:at]:
                asked(other, "CLUSTER", "MEET", HOST, server.port)
        count = len(self.servers)
        wait_for(lambda: all(self._known(server) == count for server in self.servers), "all nodes to meet")
        for at, server in enumerate(self.replicas):
            asked(server, "CLUSTER", "REPLICATE", self.id_of(self.primaries[at % 3]))
        wait_for(lambda: all(self._is_ok(server) for server in self.servers), "the cluster to be ok")
        wait_for(lambda: all(served(server) == SLOTS for server in self.servers), "all to know who serves what")
        if self.replicas:
            wait_for(self._are_followed, "the replicas to follow")

    def lose(self, server: RedisServer) -> None:
        """Kill a node, and let the others notice it soon."""
        server.kill()
        for other in self.servers:
            if other.pid is not None:
                asked(other, "CONFIG", "SET", "cluster-node-timeout", HURRY_MS)

    def id_of(self, server: RedisServer) -> str:
        """How the cluster calls a node."""
        return str(asked(server, "CLUSTER", "MYID"))

    def client(self) -> redis.RedisCluster:
        """A client as an application has one; close it."""
        return redis.RedisCluster(host=HOST, port=self.servers[0].port)

    def owner(self, slot: int) -> RedisServer:
        """The primary that serves a slot, as the first node that runs tells."""
        alive = next(server for server in self.servers if server.pid is not None)
        for first, last, primary, *_replicas in redis_slots(alive):
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == primary[1])
        raise AssertionError(f"nobody serves {slot}")

    def begin_move(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """Say that a slot moves, so that its keys may."""
        asked(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        asked(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))

    def move_keys(self, slot: int, source: RedisServer, target: RedisServer, most: int = 10_000) -> int:
        """Move keys of a slot that is said to move; how many."""
        client = client_of(source)
        try:
            names = client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, most)
            if names:
                client.execute_command("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *names)
            return len(names)
        finally:
            client.close()

    def end_move(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """Give the slot to its new node."""
        for server in (target, source, *(one for one in self.primaries if one not in (source, target))):
            if server.pid is not None:
                asked(server, "CLUSTER", "SETSLOT", slot, "NODE", self.id_of(target))

    def move(self, slots: Sequence[int], source: RedisServer, target: RedisServer) -> None:
        """Move slots with all their keys."""
        for slot in slots:
            self.begin_move(slot, source, target)
            self.move_keys(slot, source, target)
            self.end_move(slot, source, target)

    def _known(self, server: RedisServer) -> int:
        lines = str(asked(server, "CLUSTER", "NODES")).splitlines()
        return sum("handshake" not in line and "noaddr" not in line for line in lines)

    def _is_ok(self, server: RedisServer) -> bool:
        return "cluster_state:ok" in str(asked(server, "CLUSTER", "INFO"))

    def _are_followed(self) -> bool:
        known = (str(asked(server, "CLUSTER", "NODES")).count("slave") for server in self.servers)
        linked = ("master_link_status:up" in raw_info(server, "replication") for server in self.replicas)
        return all(count == len(self.replicas) for count in known) and all(linked)


def redis_slots(server: RedisServer) -> list[list[object]]:
    """What CLUSTER SLOTS says, raw."""
    client = client_of(server)
    client.response_callbacks.pop("CLUSTER SLOTS", None)
    try:
        return client.execute_command("CLUSTER SLOTS")
    finally:
        client.close()


def served(server: RedisServer) -> int:
    """How many slots are served, as far as a server knows."""
    return sum(int(str(last)) - int(str(first)) + 1 for first, last, *_nodes in redis_slots(server))


def raw_info(server: RedisServer, section: str) -> str:
    """A section of INFO as the server writes it."""
    client = client_of(server)
    client.response_callbacks.pop("INFO", None)
    try:
        return client.execute_command("INFO", section).decode()
    finally:
        client.close()


class Sentinels(Servers):
    """A primary, a replica, and three Sentinels that watch them."""

    service = "mymaster"

    def __init__(self) -> None:
        self.primary, self.replica = (
            RedisServer(["--repl-diskless-sync-delay", "0"]),
            RedisServer(["--repl-diskless-sync-delay", "0"]),
        )
        self.sentinels = [_Sentinel() for _ in range(3)]
        super().__init__([self.primary, self.replica, *self.sentinels])

    @property
    def url(self) -> str:
        """Target URL of what the Sentinels call the primary."""
        hosts = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.service}/0"

    def join(self) -> None:
        """Let the replica follow and the Sentinels watch."""
        asked(self.replica, "REPLICAOF", HOST, self.primary.port)
        wait_for(lambda: "master_link_status:up" in raw_info(self.replica, "replication"), "the replica to follow")
        for sentinel in self.sentinels:
            asked(sentinel, "SENTINEL", "MONITOR", self.service, HOST, self.primary.port, 2)
            patience = ("down-after-milliseconds", NODE_TIMEOUT_MS, "failover-timeout", 10_000)
            asked(sentinel, "SENTINEL", "SET", self.service, *patience)
        wait_for(lambda: all(self._sees_all(sentinel) for sentinel in self.sentinels), "the Sentinels to see all")

    def fail_over(self) -> None:
        """Make the replica the primary, and wait until all Sentinels say so."""
        new = self.replica if self.current() == self.primary.port else self.primary

        def begun() -> bool:  # refused while an earlier one is not over
            return self.current() == new.port or asked(self.sentinels[0], "SENTINEL", "FAILOVER", self.service) == "OK"

        wait_for(begun, "a failover to begin")
        self.wait_for_primary(new)

    def lose(self, server: RedisServer) -> None:
        """Kill a server, and let the Sentinels notice it soon."""
        server.kill()
        for sentinel in self.sentinels:
            asked(sentinel, "SENTINEL", "SET", self.service, "down-after-milliseconds", HURRY_MS)

    def wait_for_primary(self, server: RedisServer) -> None:
        """Wait until all Sentinels lead to it and it takes writes."""
        wait_for(lambda: all(self.current(one) == server.port for one in self.sentinels), "a new primary")
        wait_for(lambda: "role:master" in raw_info(server, "replication"), "it to take writes")

    def wait_for_replica(self, server: RedisServer) -> None:
        """Wait until it follows the primary and all Sentinels know that."""
        wait_for(lambda: "master_link_status:up" in raw_info(server, "replication"), "the replica to follow")
        wait_for(lambda: all(self._is_up(server, one) for one in self.sentinels), "the Sentinels to see the replica")

    def current(self, sentinel: RedisServer | None = None) -> int:
        """The port of the primary as a Sentinel knows it."""
        client = client_of(sentinel or self.sentinels[0])
        try:
            return int(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)[1])
        finally:
            client.close()

    def _is_up(self, replica: RedisServer, sentinel: RedisServer) -> bool:
        client = client_of(sentinel)
        try:
            for words in client.execute_command("SENTINEL", "REPLICAS", self.service):
                facts = dict(zip(words[::2], words[1::2], strict=True))
                if int(facts[b"port"]) == replica.port:
                    return facts[b"flags"] == b"slave"
            return False
        finally:
            client.close()

    def _sees_all(self, sentinel: RedisServer) -> bool:
        client = client_of(sentinel)
        try:
            return (
                len(client.execute_command("SENTINEL", "REPLICAS", self.service)) == 1
                and len(client.execute_command("SENTINEL", "SENTINELS", self.service)) == 2
            )
        finally:
            client.close()


class _Sentinel(RedisServer):
    """A server that only watches; it keeps what it knows in a file of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._file = Path(self._folder.name) / "sentinel.conf"

    def start(self) -> None:
        """Start with a new file."""
        self._file.write_text("sentinel resolve-hostnames no\n")
        super().start()

    def _arguments(self) -> list[str]:
        return [str(self._file), *super()._arguments(), "--sentinel"]


def in_parallel(*works: Callable[[], object]) -> None:
    """Do several things at once and wait for all."""
    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(work) for work in works]:
            future.result()
