"""The commands on a cluster and behind Sentinels."""

import json

import pytest
from redis.crc import key_slot
from redis_topologies import Cluster, Sentinels, client_of

pytestmark = pytest.mark.redis
NAMES = {f"app:{i}" for i in range(30)}


def check(command, url, client):
    """List, count, remove, and take it back."""
    for name in NAMES:
        client.set(name, "x" * 10, ex=1000)
    target = f"{url}?prefix=app:&format=redis"
    listed = command("list", target, "--format", "json")
    assert listed.code == 0, listed.err
    assert {entry["key"] for entry in json.loads(listed.out)} == NAMES
    assert command("stats", target, "--format", "json").json["entries"] == 30
    removed = command("invalidate", target, "--where", "app:1", "--yes", "--format", "json")
    assert removed.code == 0, removed.err
    assert removed.json["removed"] == 11
    assert command("stats", target, "--format", "json").json["entries"] == 19
    back = command("undo", "--yes", "--format", "json")
    assert back.json["restored"] == 11, back
    assert command("stats", target, "--format", "json").json["entries"] == 30


def test_a_cluster(redis_server, command):
    with Cluster() as cluster:
        client = cluster.client()
        check(command, cluster.url, client)
        gone = cluster.primaries[1]
        left = {name for name in NAMES if cluster.owner(key_slot(name.encode())) is not gone}
        cluster.lose(gone)
        listed = command("list", f"{cluster.url}?prefix=app:&format=redis", "--format", "json")
        assert listed.code == 0, listed.err
        assert {entry["key"] for entry in json.loads(listed.out)} == left
        assert str(gone.port) in listed.err
        client.close()


def test_behind_sentinels(redis_server, command):
    with Sentinels() as sentinels:
        client = client_of(sentinels.primary)
        check(command, sentinels.url, client)
        client.close()
