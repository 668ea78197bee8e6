"""An application that keeps its cache in the fields of one hash; with TTLs of fields where the server has them."""

import time

import redis
from redis_keys_of import FOREVER, ORDINARY, client_of, others

NAME = "app:cache"
_open = {}


def open(url):
    _open["client"] = client_of(url)


def make(url):
    open(url)
    client = _open["client"]
    others(client)
    client.hset(NAME + ":other", "field", "the name of this hash begins alike")
    for place, key in enumerate([*ORDINARY, "long", "packed", "empty", *FOREVER]):
        client.hset(
            NAME, key, {"long": b"x" * 200_000, "packed": b"\x80\x04K\x01.", "empty": b""}.get(key, b"v" * place)
        )
    ends = int(time.time() * 1000) + 3_600_000
    try:
        client.execute_command("HPEXPIREAT", NAME, ends, "FIELDS", len(ORDINARY), *ORDINARY)
    except redis.ResponseError:
        client.pexpireat(NAME, ends)
    return {"location": url, "options": {"hash": NAME}}


def truth(url):
    client = client_of(url)
    whole = client.execute_command("PEXPIRETIME", NAME)
    return [{"key": field.decode(), "expires": _ends(client, field, whole)} for field in client.hkeys(NAME)]


def _ends(client, field, whole):
    if whole >= 0:
        return whole / 1000
    own = client.execute_command("HPEXPIRETIME", NAME, "FIELDS", 1, field)[0]
    return None if own == -1 else own / 1000


def holds(key):
    return _open["client"].hget(NAME, key) is not None


def complaints():
    return []


def rewrite(key):
    _open["client"].hset(NAME, key, "another, longer value " * 30)


def delete(key):
    _open["client"].hdel(NAME, key)
