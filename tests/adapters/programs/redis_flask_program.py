"""Flask-Caching in Redis: keys, views and memoized functions."""

from urllib.parse import urlsplit

from flask import Flask
from flask_caching import Cache
from redis_keys_of import FOREVER, ORDINARY, VALUE, client_of, expiry_of, others

PREFIX = "flask_cache_"
_site = {}


def open(url):
    parts = urlsplit(url)
    if "app" not in _site:
        app = Flask("site")
        app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_HOST=parts.hostname, CACHE_REDIS_PORT=parts.port)
        _site.update(app=app, cache=Cache(app))
        _site["cache"].init_app(app)
        app.app_context().push()


def make(url):
    open(url)
    others(client_of(url))
    cache = _site["cache"]
    for place, key in enumerate(ORDINARY):
        cache.set(key, {**VALUE, "more": "x" * 50 * place}, timeout=3600 * (place + 1))
    for key in FOREVER:
        cache.set(key, "a text " * 20, timeout=0)
    cache.set("number", 12345, timeout=600)

    if "page" not in _site["app"].view_functions:
        _site["app"].route("/page")(cache.cached(timeout=600)(page))
    assert _site["app"].test_client().get("/page").status_code == 200
    return {"location": url, "options": {"prefix": PREFIX}}


def page():
    return "<html>a page</html>"


def truth(url):
    client = client_of(url)
    names = [name.decode() for name in client.scan_iter(PREFIX + "*")]
    return [{"key": name.removeprefix(PREFIX), "expires": expiry_of(client, name)} for name in names]


def holds(key):
    return _site["cache"].get(key) is not None


def complaints():
    return []


def rewrite(key):
    _site["cache"].set(key, "another, longer value " * 30, timeout=7200)


def delete(key):
    _site["cache"].delete(key)
