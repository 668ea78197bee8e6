"""An application that writes to a cache through the runtime's door."""

import sys
import time

from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import format_names, get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target

FORMATS = format_names()
_access = None
for _name in ("json-directory", "json-file", "multi-level", "asset-cache", "sqlite-table", "redis", "redis-response"):
    get_format(_name).access_class()  # imported once, for all that are forked


def open(target, name):
    """Open the door of a format; a running application must not come to load numpy by that."""
    global _access
    parsed, found = parse_target(target, FORMATS), get_format(name)
    _access = found.access_class().open(parsed, read_options(found.options, parsed.options))
    assert "numpy" not in sys.modules
    return parsed.location


def write(prefix, count, ttl):
    """Put so many keys of its own, and close the door."""
    for key in range(count):
        made = time.time()
        _access.put(f"{prefix}{key}", Held(b'"x"', made, None if ttl is None else made + ttl))
    _access.close()
