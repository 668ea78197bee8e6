"""The eviction policies by name, for whoever asks before numbers are calculated."""

POLICIES = {
    "lru": "least recently read first",
    "lfu": "fewest hits first, ties least recently read",
    "fifo": "oldest first",
    "ttl": "stale first, then least recently read",
    "size": "largest first",
    "intelligent": "lowest score of recency, frequency and size first",
}
"""Policy name to what goes first."""
