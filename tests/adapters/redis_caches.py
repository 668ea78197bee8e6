"""Caches in a real Redis, written as their applications write them, for the tests of the Redis formats."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import redis

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target, parse_target


@contextmanager
def application(url: str) -> Iterator[redis.Redis]:
    """A client as an application has one."""
    client = redis.Redis.from_url(url.partition("?")[0], protocol=2)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def attached(url: str, name: str = "redis", *, writable: bool = True) -> Iterator[Adapter]:
    """The adapter of a URL, open."""
    target = parse_target(url)
    found = get_format(name)
    adapter = found.adapter_class().open(target, read_options(found.options, target.options), writable=writable)
    try:
        yield adapter
    finally:
        adapter.close()


def dumps(target: Target) -> Mapping[str, object]:
    """Every key of the server with its content and absolute expiry."""
    with application(target.location) as client:
        return {
            # The order of a hash's fields in its dump is that of the server's table, another one after a restore.
            repr(name): (
                client.hgetall(name) if client.type(name) == b"hash" else client.dump(name),
                client.execute_command("PEXPIRETIME", name),
            )
            for name in sorted(client.keys())
        }


def write_response(client: redis.Redis, key: str, content: str, ttl: float = 3600) -> None:
    """Store a response and its twin as S5's application does."""
    response = {
        "content": content,
        "request_id": f"request-{content[:8]}",
        "provider_used": "openai",
        "processing_time_ms": 812,
        "cost_usd": 0.002,
    }
    cached_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    meta = {
        "request_id": response["request_id"],
        "provider_used": "openai",
        "cached_at": cached_at,
        "ttl_seconds": int(ttl),
    }
    with client.pipeline() as pipeline:
        pipeline.set(key, json.dumps(response), px=int(ttl * 1000))
        pipeline.set(key + ":meta", json.dumps(meta), px=int(ttl * 1000))
        pipeline.execute()
