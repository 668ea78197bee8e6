"""Django's database cache in the database of a site that has tables of its own."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

ORDINARY = [
    "user:1",
    "user:2",
    "плитка",
    "emoji 🦊",
    "<b>html</b>",
    "line\nbreak",
    "views.decorators.cache.cache_page.x",
]
STALE = ["old 1", "old 2"]
FOREVER = ["always", "always 2"]
SITE = {"auth_user": 3, "django_session": 2}
TABLE = "site cache"
SESSION = "django.contrib.sessions.cacheabcdefghijk"


def _configure(path, use_tz=True, zone="UTC"):
    backend = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": TABLE}
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}},
        CACHES={"default": backend},
        USE_TZ=use_tz,
        TIME_ZONE=zone,
    )
    django.setup()


def _cursor():
    from django.db import connection

    return connection.cursor()


def _cache():
    from django.core.cache import cache

    return cache


def make(folder, use_tz=True, zone="UTC"):
    from django.db import connection

    _configure(Path(folder) / "db.sqlite3", use_tz, zone)
    with _cursor() as cursor:
        for name, count in SITE.items():
            cursor.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, name TEXT)")
            cursor.executemany(f"INSERT INTO {name} (name) VALUES (%s)", [(f"row {n}",) for n in range(count)])
    call_command("createcachetable", verbosity=0)
    cache = _cache()
    for place, key in enumerate(ORDINARY):
        cache.set(key, {"text": "value " * (place + 1), "n": place}, 3600 * (place + 1))
    for key in STALE:
        cache.set(key, [1, 2, 3], -100)
    for key in FOREVER:
        cache.set(key, "for ever", None)
    cache.set("second", "of version 2", 3600, version=2)
    cache.set(SESSION, {"_auth_user_id": "1"}, 3600)
    connection.close()
    return {"location": "db.sqlite3", "options": {"table": TABLE, "whole_database": "yes"}}


def _shown(made):
    """Without prefix and version; the end of a session's key is a secret."""
    key = made.split(":", 2)[2]
    if key == SESSION:
        digest = hashlib.sha256(key.removeprefix("django.contrib.sessions.cache").encode()).hexdigest()
        return f"django.contrib.sessions.cache•••{digest[:8]}"
    return key


def truth(location):
    open(location)
    with _cursor() as cursor:
        cursor.execute(f'SELECT cache_key, expires FROM "{TABLE}"')
        rows = cursor.fetchall()
    found = []
    for key, moment in rows:
        moment = datetime.fromisoformat(str(moment))
        expires = None if moment.year == 9999 else moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        found.append({"key": _shown(key), "expires": expires})
    return found


def open(location):
    if not settings.configured:
        _configure(location)


def holds(key):
    return _cache().get(key) is not None and key in _cache()


def complaints():
    found = []
    with _cursor() as cursor:
        for name, count in SITE.items():
            cursor.execute(f"SELECT count(*) FROM {name}")
            if cursor.fetchone()[0] != count:
                found.append(f"rows of {name} are missing")
        cursor.execute("PRAGMA integrity_check")
        found += [row[0] for row in cursor.fetchall() if row[0] != "ok"]
    return found


def rewrite(key):
    _cache().set(key, "another, longer value " * 50, 7200)


def delete(key):
    _cache().delete(key)
