"""hishel 2: responses stored through its SqliteStorage, as its transports do it."""

import hashlib
import time
from pathlib import Path
from unittest.mock import patch

from hishel import Headers, Request, Response, SqliteStorage

URLS = [
    "https://api.example.com/users/1",
    "https://api.example.com/search?q=a%20b&page=2",
    "https://h.example/<img src=x onerror=alert(1)>",
    "https://h.example/line\nbreak\u202e",
    "https://h.example/\U0001f98a",
    "https://h.example/nul\x00byte",
]
STALE = ["https://old.example/1", "https://old.example/2"]
FOREVER = ["https://always.example/1", "https://always.example/2"]
LONG = "https://long.example/archive.bin"
RFC = "https://rfc.example/page"
HOUR = 3600.0
storage: SqliteStorage


def make(folder):
    global storage
    _open(str(Path(folder) / "hishel_cache_v2.db"))
    with patch("time.time", return_value=time.time() - 100):
        for url in STALE:
            _store("GET " + url, ttl=50)
    for url in URLS:
        _store("GET " + url, ttl=HOUR)
    for url in FOREVER:
        _store("GET " + url)
    _store("GET " + LONG, bytes(range(256)) * 1500, ttl=HOUR)
    _store("GET " + RFC, ttl=HOUR, prefix="RFC")
    storage.close()
    return {"location": "hishel_cache_v2.db", "options": {}}


def _open(location):
    global storage
    storage = SqliteStorage(database_path=location)
    storage._ensure_connection()


def _cache_key(key, prefix=""):
    method, url = key.split(" ", 1)
    return hashlib.sha256(f"{prefix or method} {url}".encode()).hexdigest()


def _store(key, body=b"{}", ttl=None, tti=None, prefix=""):
    method, url = key.split(" ", 1)
    request = Request(method=method, url=url, headers=Headers({"accept": ["*/*"]}))
    headers = Headers({"content-type": ["application/json"], "cache-control": ["max-age=60"]})
    response = Response(status_code=200, headers=headers, stream=iter([body[:1000], body[1000:]]))
    entry = storage.create_entry(request, response, _cache_key(key, prefix), ttl=ttl, tti=tti)
    assert b"".join(entry.response.stream) == body


def _entries(key):
    found = storage.get_entries(_cache_key(key)) + storage.get_entries(_cache_key(key, "RFC"))
    return found


def truth(location):
    from hishel._core._storages._packing import unpack

    _open(location)
    rows = storage.connection.execute("SELECT data, expires_at FROM entries").fetchall()
    found = [{"key": "GET " + unpack(data)[0].url, "expires": expires} for data, expires in rows]
    served = {entry["key"] for entry in found if _entries(entry["key"])}
    assert served == {entry["key"] for entry in found if entry["expires"] is None or entry["expires"] > time.time()}
    storage.close()
    return found


def open(location):  # the name that a program's function has
    _open(location)


def holds(key):
    return any(b"".join(entry.response.stream) for entry in _entries(key))


def complaints():
    connection = storage.connection
    found = [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    found += [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    for (cache_key,) in connection.execute("SELECT cache_key FROM entries").fetchall():
        for entry in storage.get_entries(cache_key.decode()):
            b"".join(entry.response.stream)  # RuntimeError where a chunk is missing
    return found


def rewrite(key):
    for entry in _entries(key):
        storage.remove_entry(entry.id)
    _store(key, b"another body, longer than before" * 10, ttl=2 * HOUR)


def delete(key):
    for entry in _entries(key):  # what its clean-up does with one that is hidden and unused for long
        storage._try_write("DELETE FROM entries WHERE id = ?", (entry.id.bytes,))


def serves_as(key):
    """Status and body as the library serves them; None where it does not."""
    found = _entries(key)
    return [found[0].response.status_code, len(b"".join(found[0].response.stream))] if found else None


def idle(key):
    """Store an entry that ends when it is not read for a minute."""
    _store(key, ttl=HOUR, tti=60)


def begin(key):
    """Begin to store an entry and leave it unfinished."""
    global unfinished
    method, url = key.split(" ", 1)
    request = Request(method=method, url=url, headers=Headers({}))
    response = Response(status_code=200, headers=Headers({}), stream=iter([b"x" * 200_000, b"y"]))
    unfinished = iter(storage.create_entry(request, response, _cache_key(key), ttl=HOUR).response.stream)
    next(unfinished)


def finish():
    """Finish it."""
    list(unfinished)


def hide(key):
    """Remove it as the library does: hidden at once, its row removed later."""
    for entry in _entries(key):
        storage.remove_entry(entry.id)
