"""How long a Redis server is busy with one command of a listing."""

from contextlib import closing

import numpy as np
import redis

from cache_studio.services.attachment import Place

LISTINGS = 4
ROOM = 1_000_000
"""Commands of which the server keeps how long they took."""


def longest(client: redis.Redis, place: Place) -> float:
    """Milliseconds of the longest command; each command counts with the least that it took in any of LISTINGS.

    A server that somebody else's process keeps from its processor in the middle of a command takes three and more
    milliseconds longer by its clock (ten thousand times in a listing of a million keys on two cores); that is none of
    the command's work, and does not happen to the same one every time.
    """
    client.config_set("slowlog-max-len", ROOM)
    client.config_set("slowlog-log-slower-than", 0)
    taken = [_one_listing(client, place) for _ in range(LISTINGS)]
    client.config_set("slowlog-log-slower-than", -1)
    client.slowlog_reset()
    assert len({len(each) for each in taken}) == 1, "a listing asked for something else than the one before"
    return float(np.min(taken, axis=0).max()) / 1000


def _one_listing(client: redis.Redis, place: Place) -> list[int]:
    """Microseconds of each page of a listing, in their order."""
    client.slowlog_reset()
    with closing(place.format.adapter_class().open(place.target, place.options, writable=False)) as adapter:
        for _ in adapter.scan():
            pass
    found = sorted(client.slowlog_get(ROOM), key=lambda entry: entry["id"])
    return [entry["duration"] for entry in found if bytes(entry["command"]).startswith(b"EVALSHA")]
