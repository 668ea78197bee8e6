"""Django's own RedisCache."""

import django
from django.conf import settings
from redis_keys_of import FOREVER, ORDINARY, VALUE, client_of, expiry_of, others

BACKEND = "django.core.cache.backends.redis.RedisCache"
PREFIX = ":1:"


def _cache():
    from django.core.cache import cache

    return cache


def open(url):
    if not settings.configured:
        caches = {"default": {"BACKEND": BACKEND, "LOCATION": url.partition("?")[0]}}
        settings.configure(CACHES=caches, SESSION_ENGINE="django.contrib.sessions.backends.cache")
        django.setup()


def make(url):
    open(url)
    others(client_of(url))
    cache = _cache()
    for place, key in enumerate(ORDINARY):
        cache.set(key, {**VALUE, "more": "x" * 50 * place}, 3600 * (place + 1))
    for key in FOREVER:
        cache.set(key, "a text " * 20, None)
    cache.set("number", 12345, 600)
    cache.set("other version", "value", 600, version=2)
    return {"location": url, "options": {"prefix": PREFIX}}


def login(url):
    """A session, whose key is a secret."""
    open(url)
    from django.contrib.sessions.backends.cache import SessionStore

    session = SessionStore()
    session["user"] = 7
    session.create()
    return session.session_key


def truth(url):
    open(url)
    client = client_of(url)
    names = [name.decode() for name in client.scan_iter(PREFIX + "*")]
    return [{"key": name.removeprefix(PREFIX), "expires": expiry_of(client, name)} for name in names]


def holds(key):
    return _cache().get(key) is not None


def complaints():
    return []


def rewrite(key):
    _cache().set(key, "another, longer value " * 30, 7200)


def delete(key):
    _cache().delete(key)
