"""What our own reads added to a server's hits and misses: one account a server run for all studios of this user.

A server counts every lookup of every client. Each link reads between two looks at the counters in one
transaction, so the difference is exactly its own; `application` is what is left. The account lies in the
user's data folder, so that a second window, a command, or the studio of yesterday is subtracted, too.
"""

import hashlib
import re
import secrets
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from cache_studio.config.paths import data_folder, private_folder
from cache_studio.model.errors import CacheStudioError
from cache_studio.recording.locking import try_lock, unlock

LOOKS_CHANNEL = b"cache-studio:looks"
"""Where the transactions of studios are marked: the server's run id and "+" at the beginning, "-" at the end."""
KEPT_DAYS = 90
"""Accounts that were not written for so long belong to servers that are gone."""
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
_LAYOUT = struct.Struct(f"<8sQQqqQ{len(_GROWING)}Q")
_MAGIC = b"CSOWNRD1"
_TURN = 0.0003
"""Seconds between two tries for an account that another process holds: it does so for a millisecond or two."""
_LONGEST = 10.0
_DAY = 86_400.0


def info_numbers(info: bytes) -> dict[str, int]:
    """The whole numbers in an INFO answer by name."""
    return {name.decode(): int(value) for name, value in _FIELD.findall(info)}


class _Shared:
    """The lock of an account: of its threads here and, where there is a file, of all processes."""

    def __init__(self, account: "OwnReads", file: BinaryIO | None) -> None:
        self._account = account
        self._file = file
        self._lock = Lock()

    def acquire(self, timeout: float) -> bool:
        """Hold the account, as it stands now; False when `timeout` seconds were not enough."""
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=timeout):
            return False
        try:
            if self._file is None or self._take(self._file, deadline):
                return True
        except OSError:  # a full disk, or a filesystem without locks: from here on this process counts alone
            self._part()
            return True
        self._lock.release()
        return False

    def release(self) -> None:
        """Let the others have it, as it stands now."""
        try:
            if self._file is not None:
                self._write(self._file, in_use=False)
                unlock(self._file)
        except OSError:
            self._part()
        self._lock.release()

    def __enter__(self) -> None:
        """Hold it; CacheStudioError when another process does for too long."""
        if not self.acquire(_LONGEST):
            raise CacheStudioError("Another Cache Studio has been counting for too long.", "Close it and try again.")

    def __exit__(self, *_error: object) -> None:
        """Release it."""
        self.release()

    def _take(self, file: BinaryIO, deadline: float) -> bool:
        while not try_lock(file):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_TURN)
        file.seek(0)
        self._account.unpack(file.read(_LAYOUT.size))
        self._write(file, in_use=True)
        return True

    def _write(self, file: BinaryIO, *, in_use: bool) -> None:
        file.seek(0)
        file.write(self._account.pack(in_use))

    def _part(self) -> None:
        assert self._file is not None
        self._file.close()
        self._file = None
        self._account.begin_anew()


class OwnReads:
    """The account of one server run. Hold `lock` from sending a bracket, or reading the counters, to its booking."""

    def __init__(self, run_id: str, file: BinaryIO | None = None) -> None:
        """`file` (unbuffered, readable and writable) is what processes share; None: this one counts alone."""
        self.lock = _Shared(self, file)
        self.hits = 0
        self.misses = 0
        self._run_id = run_id
        self._begun = secrets.randbits(63)
        self._breaks = 0
        self._last: Mapping[str, int] = {}

    @property
    def epoch(self) -> str:
        """Changes with the server's run, a reset of its counters, a lost answer, and with the account itself."""
        return f"{self._run_id}:{self._begun:x}:{self._breaks}"

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

    def begin_anew(self) -> None:
        """A new epoch, apart from that of the other processes."""
        self._begun = secrets.randbits(63)

    def pack(self, in_use: bool) -> bytes:
        """The account as its file has it; `in_use` while a bracket may be under way."""
        last = (self._last.get(name, 0) for name in _GROWING)
        return _LAYOUT.pack(_MAGIC, self._begun, self._breaks, self.hits, self.misses, in_use, *last)

    def unpack(self, data: bytes) -> None:
        """Take over what the file says. A process that was killed with a bracket under way left a new epoch."""
        if len(data) < _LAYOUT.size or not data.startswith(_MAGIC):
            return
        _magic, self._begun, self._breaks, self.hits, self.misses, in_use, *last = _LAYOUT.unpack(data)
        self._last = dict(zip(_GROWING, last, strict=True))
        self._breaks += in_use

    def _look(self, stats: Mapping[str, int]) -> None:
        shrank = any(stats.get(name, 0) < self._last.get(name, 0) for name in _GROWING)
        impossible = stats.get("keyspace_hits", 0) < self.hits or stats.get("keyspace_misses", 0) < self.misses
        if shrank or impossible:
            self.hits = self.misses = 0
            self._breaks += 1
        self._last = stats


_accounts: dict[Path, OwnReads] = {}
_accounts_lock = Lock()


def own_reads(run_id: str) -> OwnReads:
    """The account of a server run, the same object for every link of this process."""
    # A server may call itself anything: its words are no file name.
    path = data_folder() / "own-reads" / hashlib.sha256(run_id.encode()).hexdigest()[:32]
    with _accounts_lock:
        if path not in _accounts:
            _accounts[path] = OwnReads(run_id, _opened(path))
        return _accounts[path]


def _opened(path: Path) -> BinaryIO | None:
    """The file of an account; None where the user's data folder cannot be written."""
    try:
        private_folder(path.parent)
        _tidy(path.parent)
        return open(path, "r+b" if path.exists() else "x+b", buffering=0)
    except FileExistsError:  # another process was quicker
        return open(path, "r+b", buffering=0)
    except (OSError, CacheStudioError):
        return None


def _tidy(folder: Path) -> None:
    oldest = time.time() - KEPT_DAYS * _DAY
    for path in folder.iterdir():
        with suppress(OSError):  # gone meanwhile, or not ours to remove: it does no harm
            if path.stat().st_mtime < oldest:
                path.unlink()
