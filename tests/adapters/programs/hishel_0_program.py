"""hishel 0.1: responses stored through its SQLiteStorage with httpcore's models, as its transports do it."""

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import httpcore
from hishel import SQLiteStorage
from hishel._serializers import Metadata
from hishel._utils import generate_key

URLS = [
    "https://api.example.com/users/1",
    "https://api.example.com/search?q=a%20b&page=2",
    "https://h.example/%3Cimg%20src=x%3E",
    "https://h.example/a~b!c",
    *(f"https://api.example.com/pages/{number}" for number in range(4)),
]
STALE = ["https://old.example/1", "https://old.example/2"]
USED = "https://used.example/three"
LONG = "https://long.example/archive.bin"
HOUR = 3600.0
storage: SQLiteStorage


def make(folder):
    location = str(Path(folder) / "hishel.sqlite")
    _open(location)
    storage._ttl = None  # while it writes: else it removes the stale ones at once
    with patch("time.time", return_value=time.time() - 2 * HOUR):
        for url in STALE:
            _store("GET " + url)
    for url in URLS:
        _store("GET " + url)
    _store("GET " + USED, uses=3)
    _store("GET " + LONG, bytes(range(256)) * 1500)
    storage.close()
    return {"location": "hishel.sqlite", "options": {"ttl": "1h"}}


def _open(location):
    global storage
    storage = SQLiteStorage(connection=sqlite3.connect(location, check_same_thread=False), ttl=HOUR)
    storage._setup()


def request_of(key):
    method, url = key.split(" ", 1)
    return httpcore.Request(method, url, headers=[(b"Accept", b"*/*")])


def response_of(body):
    response = httpcore.Response(200, headers=[(b"Content-Type", b"application/json")], content=body)
    response.read()
    return response


def metadata_of(key, uses):
    created = datetime.fromtimestamp(time.time(), UTC)
    return Metadata(cache_key=generate_key(request_of(key)), created_at=created, number_of_uses=uses)


def _store(key, body=b'{"request": {"method": "POST"}}', uses=0):
    storage.store(generate_key(request_of(key)), response_of(body), request_of(key), metadata_of(key, uses))


def truth(location):
    found = []
    connection = sqlite3.connect(location)
    for data, created in connection.execute("SELECT data, date_created FROM cache").fetchall():
        request = SQLiteStorage()._serializer.loads(data)[1]
        found.append({"key": f"{request.method.decode()} {bytes(request.url).decode()}", "expires": created + HOUR})
    connection.close()
    return found


def open(location):  # the name that a program's function has
    _open(location)


def holds(key):
    # Without a TTL: with it, a look at one entry removes all that are stale.
    storage._ttl = None
    found = storage.retrieve(generate_key(request_of(key)))
    storage._ttl = HOUR
    return found is not None and bool(found[0].read())


def retrieves(key):
    """As the library does it, which removes what is stale; the number of entries then."""
    found = storage.retrieve(generate_key(request_of(key)))
    return [found is not None, storage._connection.execute("SELECT count(*) FROM cache").fetchone()[0]]


def complaints():
    connection = storage._connection
    found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    twice = connection.execute("SELECT key FROM cache GROUP BY key HAVING count(*) > 1").fetchall()
    return found + [str(row) for row in twice]


def rewrite(key):
    storage._ttl = None
    _store(key, b"another body, longer than before" * 100)
    storage._ttl = HOUR


def delete(key):
    storage.remove(generate_key(request_of(key)))


def use(key):
    """A hit, as the library counts it."""
    response, request, metadata = storage.retrieve(generate_key(request_of(key)))
    response.read()
    metadata["number_of_uses"] += 1
    storage.update_metadata(generate_key(request_of(key)), response, request, metadata)


def pickled(location):
    """A cache whose application chose pickles."""
    from hishel import PickleSerializer

    global storage
    storage = SQLiteStorage(PickleSerializer(), sqlite3.connect(location, check_same_thread=False))
    _store("GET https://pickled.example/")
    storage.close()
