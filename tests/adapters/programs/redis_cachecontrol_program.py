"""CacheControl in Redis: responses by their bare URL."""

import io
from email.utils import formatdate

from cachecontrol.caches.redis_cache import RedisCache
from cachecontrol.controller import CacheController
from redis_keys_of import client_of, expiry_of, others
from requests import Request
from urllib3 import HTTPHeaderDict, HTTPResponse

URLS = [f"http://example.org/page/{number}" for number in range(8)] + ["https://example.org/?q=%D0%BF%D0%BB%D0%B8"]
MOVED = ["http://example.org/moved", "http://example.org/moved/too"]
_open = {}


def open(url):
    _open["controller"] = CacheController(RedisCache(client_of(url)))
    _open["client"] = client_of(url)


def _store(address, body, status=200, **headers):
    request = Request("GET", address).prepare()
    told = HTTPHeaderDict({"Date": formatdate(usegmt=True), "Content-Length": str(len(body)), **headers})
    response = HTTPResponse(io.BytesIO(body), headers=told, status=status, preload_content=False)
    _open["controller"].cache_response(request, response, body)


def make(url):
    open(url)
    others(client_of(url))
    for place, address in enumerate(URLS):
        _store(address, b"<html>a page</html>" * (place + 1), **{"Cache-Control": "max-age=3600"})
    for address in MOVED:
        _store(address, b"moved", 301, Location=URLS[0])
    return {"location": url, "options": {}}


def truth(url):
    open(url)
    client = client_of(url)
    names = [_open["controller"].cache_url(address) for address in URLS + MOVED]
    return [{"key": name, "expires": expiry_of(client, name)} for name in names if client.exists(name)]


def holds(key):
    return bool(_open["controller"].cached_request(Request("GET", key).prepare()))


def complaints():
    return []


def rewrite(key):
    _store(key, b"another, longer page " * 50, **{"Cache-Control": "max-age=7200"})


def delete(key):
    _open["controller"].cache.delete(key)
