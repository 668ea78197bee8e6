"""What the jobs are compared with: programs of the system that do the least that has to be done, and peers."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis


@dataclass(frozen=True, slots=True)
class Program:
    """Something whose time ours is compared with; `run` does it once."""

    name: str
    run: Callable[[], object]


def find(folder: Path) -> Program:
    """`find -printf` with name, time and size of every file."""
    return _quiet("find -printf", "find", str(folder), "-type", "f", "-printf", "%f %T@ %s\n")


def read(file: Path) -> Program:
    """Read the file."""
    return Program("reading it", lambda: len(file.read_bytes()))


def sqlite_scan(file: Path) -> Program:
    """The sqlite3 command's scan of the same columns."""
    query = "SELECT rowid, key, length(value), created_at, expires_at FROM entries"
    return _quiet("sqlite3", "sqlite3", str(file), query)


def redis_scan(port: int) -> Program:
    """A bare loop of SCAN COUNT 1000, names only."""

    def scan() -> None:
        with redis.Redis(port=port) as client:
            cursor = -1
            while cursor:
                cursor, _ = client.execute_command("SCAN", max(cursor, 0), "COUNT", 1000)

    return Program("SCAN COUNT 1000", scan)


def jq(file: Path) -> Program | None:
    """`jq` that prints key, time and length of every entry; None where it is not installed."""
    wanted = "to_entries[] | [.key, .value.created_at, .value.text_length] | @tsv"
    return _quiet("jq", "jq", "-r", wanted, str(file)) if shutil.which("jq") else None


def datasette(file: Path) -> Program | None:
    """`datasette` that streams the table as CSV; None where it is not installed."""
    page = f"/{file.stem}/entries.csv?_stream=on"
    setting = ("--setting", "max_csv_mb", "0")
    return _quiet("datasette", "datasette", str(file), *setting, "--get", page) if shutil.which("datasette") else None


def bigkeys(port: int) -> Program | None:
    """`redis-cli --bigkeys`, which asks for type and length; None where it is not installed."""
    named = ("redis-cli", "-p", str(port), "--bigkeys", "-i", "0")
    return _quiet("redis-cli --bigkeys", *named) if shutil.which("redis-cli") else None


def redis_dump_and_unlink(port: int) -> Program:
    """DUMP and UNLINK of every key, a thousand in one round trip."""

    def remove() -> None:
        with redis.Redis(port=port) as client:
            cursor = -1
            while cursor:
                cursor, names = client.scan(max(cursor, 0), count=1000)
                with client.pipeline(transaction=False) as pipeline:
                    for name in names:
                        pipeline.dump(name)
                    if names:
                        pipeline.unlink(*names)
                    pipeline.execute()

    return Program("DUMP + UNLINK", remove)


def redis_unlink(port: int) -> Program:
    """UNLINK of every key, a thousand at once."""

    def remove() -> None:
        with redis.Redis(port=port) as client:
            cursor = -1
            while cursor:
                cursor, names = client.scan(max(cursor, 0), count=1000)
                if names:
                    client.unlink(*names)

    return Program("UNLINK", remove)


def run(*command: str) -> None:
    """A program whose output nobody reads; CalledProcessError when it fails."""
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _quiet(name: str, *command: str) -> Program:
    return Program(name, lambda: run(*command))
