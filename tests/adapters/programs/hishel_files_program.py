"""hishel 0.1: responses stored through its FileStorage with httpcore's models, as its transports do it."""

import os
import time
from pathlib import Path

from hishel import FileStorage
from hishel._utils import generate_key
from hishel_0_program import HOUR, LONG, STALE, URLS, USED, metadata_of, request_of, response_of

storage: FileStorage


def make(folder):
    open(str(Path(folder) / "hishel"))
    storage._ttl = None
    for url in [*STALE, *URLS]:
        _store("GET " + url)
    _store("GET " + USED, uses=3)
    _store("GET " + LONG, bytes(range(256)) * 1500)
    for url in STALE:
        path = storage._base_path / generate_key(request_of("GET " + url))
        os.utime(path, (time.time() - 2 * HOUR,) * 2)
    return {"location": "hishel", "options": {"ttl": "1h"}}


def open(location):  # the name that a program's function has
    global storage
    storage = FileStorage(base_path=Path(location), ttl=HOUR)


def _store(key, body=b'{"request": {"method": "POST"}}', uses=0):
    storage.store(generate_key(request_of(key)), response_of(body), request_of(key), metadata_of(key, uses))


def truth(location):
    open(location)
    found = []
    for path in storage._base_path.iterdir():
        if path.name != ".gitignore":
            request = storage._serializer.loads(path.read_text())[1]
            key = f"{request.method.decode()} {bytes(request.url).decode()}"
            found.append({"key": key, "expires": path.stat().st_mtime + HOUR})
    return found


def holds(key):
    found = storage.retrieve(generate_key(request_of(key)))
    return found is not None and bool(found[0].read())


def complaints():
    found = []
    for path in storage._base_path.iterdir():
        if path.name != ".gitignore":
            storage._serializer.loads(path.read_text())
        elif not path.read_text().startswith("# Automatically created by Hishel"):
            found.append("the .gitignore is another")
    return found


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
