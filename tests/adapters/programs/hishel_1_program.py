"""hishel 1: responses stored through its SyncSqliteStorage, as its transports do it."""

import hashlib
import time
from pathlib import Path
from unittest.mock import patch

from hishel import Headers, Request, Response, SyncSqliteStorage
from hishel._core._storages._packing import unpack

URLS = [
    "https://api.example.com/users/1",
    "https://api.example.com/search?q=a%20b&page=2",
    "https://h.example/<img src=x onerror=alert(1)>",
    "https://h.example/line\nbreak\u202e",
    "https://h.example/\U0001f98a",
    "https://h.example/nul\x00byte",
]
STALE = ["https://old.example/1", "https://old.example/2", "https://old.example/by-default"]
DEFAULT = ["https://default.example/1", "https://default.example/2"]
LONG = "https://long.example/archive.bin"
HOUR = 3600.0
storage: SyncSqliteStorage


def make(folder):
    _open(str(Path(folder) / "hishel_cache.db"))
    with patch("time.time", return_value=time.time() - 100):
        for url in STALE[:2]:
            _store("GET " + url, ttl=50)
    with patch("time.time", return_value=time.time() - 5 * HOUR):
        _store("GET " + STALE[2])
    for url in URLS:
        _store("GET " + url, ttl=HOUR)
    for url in DEFAULT:
        _store("GET " + url)
    _store("GET " + LONG, bytes(range(256)) * 1500, ttl=HOUR)
    storage.close()
    return {"location": "hishel_cache.db", "options": {"ttl": "2h"}}


def _open(location):
    global storage
    storage = SyncSqliteStorage(database_path=location, default_ttl=2 * HOUR)
    with storage._lock:
        storage._ensure_connection()


def _cache_key(key):
    return hashlib.sha256(key.split(" ", 1)[1].encode()).hexdigest()


def _store(key, body=b"{}", ttl=None):
    method, url = key.split(" ", 1)
    metadata = {} if ttl is None else {"hishel_ttl": ttl}
    request = Request(method=method, url=url, headers=Headers({"accept": "*/*"}), stream=iter([]), metadata=metadata)
    headers = Headers({"content-type": "application/json", "cache-control": "max-age=60"})
    response = Response(status_code=200, headers=headers, stream=iter([body[:1000], body[1000:]]))
    entry = storage.create_entry(request, response, _cache_key(key))
    assert b"".join(entry.response.stream) == body


def truth(location):
    _open(location)
    found = []
    for (data,) in storage.connection.execute("SELECT data FROM entries").fetchall():
        pair = unpack(data, kind="pair")
        ttl = pair.request.metadata.get("hishel_ttl") or storage.default_ttl
        key = "GET " + pair.request.url
        found.append({"key": key, "expires": pair.meta.created_at + ttl})
        assert bool(storage.get_entries(_cache_key(key))) == (pair.meta.created_at + ttl > time.time())
    storage.close()
    return found


def open(location):  # the name that a program's function has
    _open(location)


def holds(key):
    return any(b"".join(entry.response.stream) for entry in storage.get_entries(_cache_key(key)))


def complaints():
    connection = storage.connection
    found = [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    found += [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    for (data,) in connection.execute("SELECT data FROM entries").fetchall():
        pair = unpack(data, kind="pair")
        if not storage._is_stream_complete(pair.id, connection.cursor()):
            found.append(f"{pair.request.url} is incomplete")
    return found


def rewrite(key):
    for entry in storage.get_entries(_cache_key(key)):
        storage.remove_entry(entry.id)
    _store(key, b"another body, longer than before" * 10, ttl=2 * HOUR)


def delete(key):
    with storage._lock:
        for entry in storage.get_entries(_cache_key(key)):
            storage._hard_delete_pair(entry, storage.connection.cursor())
        storage.connection.commit()


def body_length(key):
    """The length of the body as the library serves it."""
    return len(b"".join(storage.get_entries(_cache_key(key))[0].response.stream))


def hide(key):
    """Remove it as the library does: marked in its packed head, its row removed an hour later."""
    for entry in storage.get_entries(_cache_key(key)):
        storage.remove_entry(entry.id)


def begin(key):
    """Begin to store an entry and leave it unfinished."""
    global unfinished
    method, url = key.split(" ", 1)
    request = Request(method=method, url=url, headers=Headers({}), stream=iter([]), metadata={"hishel_ttl": 2 * HOUR})
    response = Response(status_code=200, headers=Headers({}), stream=iter([b"x" * 200_000, b"y"]))
    unfinished = iter(storage.create_entry(request, response, _cache_key(key)).response.stream)
    next(unfinished)


def finish():
    """Finish it."""
    list(unfinished)


def renew(key):
    """Let its TTL begin anew, as a hit does where the application wants it."""
    for entry in storage.get_entries(_cache_key(key)):
        storage.refresh_entry_ttl(entry.id)
