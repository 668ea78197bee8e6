"""Makes the caches that are measured: deterministic, kept between runs in one folder, reused when they are whole."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

START = 1_790_000_000.0
FANOUT_TTL = 86_400.0


def digest(number: int) -> str:
    """A key as caches have them."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def json_files(folder: Path, count: int) -> Path:
    """`count` files of about 2 kB, S1's layout."""

    return once(folder / f"files-{count}", lambda place: make_json_files(place, count))


def make_json_files(place: Path, count: int) -> None:
    """The same in a new folder, for a job that changes them."""
    place.mkdir()
    for number in range(count):
        (place / f"{digest(number)}.json").write_text(json_text(number), "utf-8")


def json_text(number: int, more: str = "") -> str:
    """What one of the files holds; `more` makes it another."""
    moment = (datetime.fromtimestamp(START) + timedelta(seconds=number)).isoformat()
    result = {"passed": True, "text": "x" * 1600 + more}
    return json.dumps({"cache_key": digest(number), "timestamp": moment, "result": result})


def json_file(folder: Path, count: int) -> Path:
    """One file of `count` entries of about 2.1 kB, S2's layout."""

    def make(place: Path) -> None:
        text = "y" * 1850
        with place.open("w", encoding="utf-8") as out:
            for number in range(count):
                moment = START + number
                shown = datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M:%S")
                entry = {"response": text, "timestamp": shown, "created_at": moment, "last_accessed": moment}
                body = json.dumps(entry | {"text_length": len(text)}, indent=2)
                out.write(("{\n" if number == 0 else ",\n") + f'"{digest(number)}": {body}')
            out.write("\n}")

    return once(folder / f"responses-{count}.json", make)


def sqlite_rows(folder: Path, count: int) -> Path:
    """A table of `count` rows with key, value of 16 to 112 bytes, created and expires."""

    def make(place: Path) -> None:
        with sqlite3.connect(place) as database:
            database.execute("CREATE TABLE entries(key TEXT, value BLOB, created_at REAL, expires_at REAL)")
            rows = ((digest(n), b"z" * (16 + n * 37 % 97), START + n, START + 86_400 + n) for n in range(count))
            database.executemany("INSERT INTO entries VALUES(?,?,?,?)", rows)
        database.close()

    return once(folder / f"sized-rows-{count}.db", make)


def fanout(folder: Path, count: int) -> Path:
    """A FanoutCache of diskcache with `count` entries that live for FANOUT_TTL seconds."""

    def make(place: Path) -> None:
        import diskcache  # the only job that needs it

        with diskcache.FanoutCache(str(place), shards=4) as cache:
            for number in range(count):
                cache.set(digest(number), b"f" * 64, expire=FANOUT_TTL)

    return once(folder / f"fanout-{count}", make)


def redis_keys(command: Callable[..., object], count: int) -> None:
    """`count` string keys with a TTL below `app:cache:`, made by the server itself."""
    script = (
        "for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('SET','app:cache:'..redis.sha1hex(i),"
        "'value of some length '..i,'PX',3600000+i) end"
    )
    for start in range(0, count, 5_000):
        command("EVAL", script, "0", str(start), str(min(start + 5_000, count) - 1))


def once(place: Path, make: Callable[[Path], None]) -> Path:
    """`place`, made unless a run that ended well made it."""
    mark = place.with_name(place.name + ".made")
    if not mark.exists():
        make(place)
        mark.touch()
    return place
