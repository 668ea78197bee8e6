"""CacheControl with its FileCache: responses stored and found by its own controller, without a network."""

import hashlib
import os
import time
from email.utils import formatdate
from pathlib import Path
from unittest.mock import patch

import requests
from cachecontrol.caches import FileCache
from cachecontrol.controller import CacheController
from urllib3 import HTTPResponse

HOUR = 3600
KIND = FileCache
URLS = [
    "https://api.example.com/users/1",
    "https://api.example.com/search?q=a%20b&page=2",
    "https://h.example/<img src=x onerror=alert(1)>",
    "https://h.example/\U0001f98a",
]
BY_EXPIRES = "https://h.example/by-expires"
STALE = ["https://old.example/1", "https://old.example/2"]
MOVED = "https://moved.example/"
CONFIRMED = "https://confirmed.example/"
PACKAGE = "https://files.example/packages/numpy-2.1.0-cp311.whl"
LONG = "https://long.example/archive.bin"
ODD = "https://odd.example/"
PYPI = {
    "X-PyPI-File-Project": "numpy",
    "X-PyPI-File-Version": "2.1.0",
    "X-PyPI-File-Package-Type": "bdist_wheel",
    "X-PyPI-File-Python-Version": "cp311",
}
ALL = [*URLS, BY_EXPIRES, *STALE, MOVED, CONFIRMED, PACKAGE, LONG, ODD]
controller: CacheController


def make(folder):
    open(os.path.join(folder, "web"))
    now = time.time()
    for url in URLS:
        _store(url)
    for url in STALE:
        _store(url, {"Date": formatdate(now - 3 * HOUR, usegmt=True), "ETag": '"a"'})
    _store(BY_EXPIRES, {"Cache-Control": "", "Expires": formatdate(now + HOUR, usegmt=True)})
    _store(MOVED, {"Location": "https://moved.example/there"}, b"", 301)
    _store(CONFIRMED, {"Cache-Control": "", "ETag": '"b"'})
    _store(PACKAGE, PYPI, b"PK\x03\x04" * 100)
    _store(LONG, {}, bytes(range(256)) * 1500)
    _store(ODD, {"Cache-Control": "public, max-age=600, max-age=7200", "X-Text": "caf\u00e9 \u202e"})
    return {"location": "web", "options": {}}


def open(location):  # the name that a program's function has
    global controller
    controller = CacheController(KIND(location))


def _request(url):
    return requests.Request("GET", url).prepare()


def _store(url, headers=None, body=b'{"answer": 42}', status=200):
    given = {"Date": formatdate(time.time(), usegmt=True), "Cache-Control": f"max-age={2 * HOUR}"}
    given |= {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    given = {name: text for name, text in given.items() if text}
    response = HTTPResponse(body, given, status, 11, reason="OK", preload_content=False)
    controller.cache_response(_request(url), response, body)


def _name(url):
    return hashlib.sha224(controller.cache_url(_request(url).url).encode()).hexdigest()


def _key(url):
    return ("numpy 2.1.0 bdist_wheel cp311 " if url == PACKAGE else "") + _name(url)


def _url(key):
    return next(url for url in ALL if _name(url) == key.rpartition(" ")[2])


def truth(location):
    open(location)
    return [{"key": _key(url), "expires": _expires(url)} for url in ALL]


def _expires(url):
    """Found by asking the controller at different times: the second from which on it would go to the server."""
    request, now = _request(url), int(time.time())
    low, high = now - 10 * HOUR, now + 10 * HOUR
    if not _fresh(request, low):
        return "unknown"
    if _fresh(request, now + 10_000 * HOUR):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fresh(request, middle) else (low, middle)
    return high


def _fresh(request, moment):
    with patch("time.time", return_value=moment), patch.object(controller.cache, "delete"):
        return bool(controller.cached_request(request))


def holds(key):
    found = controller._load_from_cache(_request(_url(key)))
    return found is not None and (bool(found.read()) or found.status == 301)


def complaints():
    found = []
    for path in Path(controller.cache.directory).rglob("*"):
        if path.is_file() and len(path.name) == 56:
            if controller.serializer.loads(_request("https://any.example/"), path.read_bytes()) is None:
                found.append(f"{path.name} cannot be read")
            if KIND is not FileCache and not path.with_name(path.name + ".body").exists():
                found.append(f"{path.name} has no body")
        if path.suffix == ".body" and not path.with_suffix("").exists():
            found.append(f"{path.name} is left alone")
    return found


def rewrite(key):
    _store(_url(key), {}, b"another body, longer than before" * 100)


def delete(key):
    controller.cache.delete(controller.cache_url(_request(_url(key)).url))


def rewrite_body(key):
    """Store another body alone, as a response with the same headers does within one second."""
    controller.cache.set_body(controller.cache_url(_request(_url(key)).url), b"another body")


def pip(folder):
    """pip's own cache class, with the CacheControl that it brings along; its version, "" where there is no pip."""
    try:
        import pip as package
        from pip._internal.network.cache import SafeFileCache
        from pip._vendor.cachecontrol.controller import CacheController as PipController
        from pip._vendor.requests import Request
        from pip._vendor.urllib3 import HTTPResponse as PipResponse
    except ImportError:
        return ""
    headers = {
        "Date": formatdate(time.time(), usegmt=True),
        "Cache-Control": "max-age=600",
        "Content-Length": "5",
        **PYPI,
    }
    response = PipResponse(b"wheel", headers, 200, 11, reason="OK", preload_content=False)
    request = Request("GET", PACKAGE).prepare()
    PipController(SafeFileCache(os.path.join(folder, "http"))).cache_response(request, response, b"wheel")
    return package.__version__
