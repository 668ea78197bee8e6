"""django-redis, compressing or not."""

import redis_django_program
from redis_django_program import complaints, delete, holds, login, rewrite, truth  # noqa: F401 - the same calls

redis_django_program.BACKEND = "django_redis.cache.RedisCache"
make = redis_django_program.make
open = redis_django_program.open


def compressed(url, name):
    """Store one long value compressed by this module of django-redis, with a version of its own."""
    open(url)
    from django_redis.cache import RedisCache

    options = {"COMPRESSOR": f"django_redis.compressors.{name}"}
    cache = RedisCache(url, {"OPTIONS": options, "KEY_PREFIX": "packed"})
    cache.set("long", "a long text " * 100, 600)
    return cache.make_key("long")
