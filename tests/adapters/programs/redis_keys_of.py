"""What the programs of libraries share that keep entries in Redis: a client, and what the server says of expiry."""

import redis

ORDINARY = ["user:1", "user:2", "плитка", "emoji 🦊", '<img src="x">', "line\nbreak", "nul\0byte"]
FOREVER = ["always", "always 2"]
VALUE = {"text": "value", "numbers": [1, 2, 3]}


def client_of(url, **settings):
    """A client of the server."""
    return redis.Redis.from_url(url.partition("?")[0], **settings)


def expiry_of(client, name):
    """Epoch seconds at which the server drops a key, None for never."""
    moment = client.execute_command("PEXPIRETIME", name)
    return None if moment == -1 else moment / 1000


def others(client):
    """Keys of other applications in the same database, which are none of the library's."""
    client.set("other application:1", "value")
    client.hset("other application:hash", "field", "value")
    client.rpush("other application:list", "one", "two")
