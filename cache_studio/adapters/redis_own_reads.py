"""What our own reads added to a server's hits and misses: one account a server for all links of this process.

A server counts every lookup of every client. Each link reads between two looks at the counters in one
transaction, so the difference is exactly its own; `application` is what is left.
"""

import re
import secrets
from collections.abc import Mapping
from threading import Lock

_PROCESS = secrets.token_hex(4)
_FIELD = re.compile(rb"^(\w+):(\d+)\r?$", re.MULTILINE)
# All of these only grow until the server starts anew or somebody resets its statistics.
_GROWING = (
    "keyspace_hits",
    "keyspace_misses",
    "total_commands_processed",
    "total_connections_received",
    "total_net_input_bytes",
    "total_net_output_bytes",
)


def info_numbers(info: bytes) -> dict[str, int]:
    """The whole numbers in an INFO answer by name."""
    return {name.decode(): int(value) for name, value in _FIELD.findall(info)}


class OwnReads:
    """The account of one server run. Hold `lock` from sending a bracket, or reading the counters, to its booking."""

    def __init__(self, run_id: str) -> None:
        self.lock = Lock()
        self.hits = 0
        self.misses = 0
        self._run_id = run_id
        self._breaks = 0
        self._last: Mapping[str, int] = {}

    @property
    def epoch(self) -> str:
        """Changes with the server's run, a reset of its counters, a lost answer, and our process.

        Another process does not know what this one read, so no difference across processes is true either.
        """
        return f"{self._run_id}:{_PROCESS}:{self._breaks}"

    def book(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """Add what lies between two looks of one transaction."""
        self._look(before)
        self.hits += after.get("keyspace_hits", 0) - before.get("keyspace_hits", 0)
        self.misses += after.get("keyspace_misses", 0) - before.get("keyspace_misses", 0)
        self._last = after

    def add(self, hits: int, misses: int) -> None:
        """Add reads whose effect is known without a bracket (between WATCH and EXEC there can be none)."""
        self.hits += hits
        self.misses += misses

    def lost(self) -> None:
        """A bracket was sent and its answer never came: what it counted is not known, so a new epoch begins."""
        self._breaks += 1

    def application(self, stats: Mapping[str, int]) -> tuple[int, int]:
        """Hits and misses of everybody else."""
        self._look(stats)
        return stats.get("keyspace_hits", 0) - self.hits, stats.get("keyspace_misses", 0) - self.misses

    def _look(self, stats: Mapping[str, int]) -> None:
        shrank = any(stats.get(name, 0) < self._last.get(name, 0) for name in _GROWING)
        impossible = stats.get("keyspace_hits", 0) < self.hits or stats.get("keyspace_misses", 0) < self.misses
        if shrank or impossible:
            self.hits = self.misses = 0
            self._breaks += 1
        self._last = stats


_accounts: dict[str, OwnReads] = {}
_accounts_lock = Lock()


def own_reads(run_id: str) -> OwnReads:
    """The account of a server run, the same object for every link of this process."""
    with _accounts_lock:
        return _accounts.setdefault(run_id, OwnReads(run_id))
