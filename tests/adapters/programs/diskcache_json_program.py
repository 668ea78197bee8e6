"""diskcache.Cache with JSONDisk."""

import diskcache
import diskcache_program
from diskcache_program import HOURS, complaints, delete, get, holds, make, open, rewrite, truth  # noqa: F401

diskcache_program.DISK = diskcache.JSONDisk
diskcache_program.KEYS = {
    "big text": ("big text", [n * n for n in range(60_000)], HOURS),
    '["demo.square", 7, null]': (["demo.square", 7, None], 49, HOURS),
    "https://example.org/a?b=1&c=2": ("https://example.org/a?b=1&c=2", {"status": 200}, HOURS),
    '{"a": "ä"}': ({"a": "ä"}, "text", HOURS),
    "7": (7, None, HOURS),
    "old": ("old", "x", -60),
    "for ever": ("for ever", {"a": 1}, None),
}
