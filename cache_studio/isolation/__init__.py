"""Runs a named function in a killable child with limits on time and memory.

`call` runs a function once, `stream` hands over what a generator function yields, a `Worker` keeps one child warm for
many calls; after `keep_ready` one child waits that the next `call` or `stream` takes. A function is named as
"package.module:function" below `cache_studio.`; arguments and results are what msgpack carries (None, bool, int of 64
bits, float, str with surrogates, bytes, list, dict; a tuple arrives as a list).
"""

from cache_studio.isolation.parent import Limits, Worker, call, end_ready, keep_ready, stream

__all__ = ["Limits", "Worker", "call", "end_ready", "keep_ready", "stream"]
