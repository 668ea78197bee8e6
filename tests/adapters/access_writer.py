"""Another process that writes to a cache through the runtime's door."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cache_studio.adapters.registry import format_names
from cache_studio.model.targets import Target, parse_target

_ROOT = Path(__file__).parents[2]
_WRITER = """
import sys, time
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import format_names, get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
target, name, number, count, expires = sys.argv[1:]
parsed, found = parse_target(target, format_names()), get_format(name)
access = found.access_class().open(parsed, read_options(found.options, parsed.options))
assert "numpy" not in sys.modules, "a running application would load numpy"
print("ready", flush=True)
sys.stdin.readline()
for key in range(int(count)):
    made = time.time()
    access.put(f"p{number}-{key}", Held(b'"x"', made, made + float(expires) if expires else None))
access.close()
"""


@contextmanager
def writer_process(
    target: Target, format_name: str, number: int, count: int, ttl: float | None
) -> Iterator["subprocess.Popen[str]"]:
    """Another process that puts keys of its own as soon as it is told to."""
    parsed = parse_target(str(target), format_names())
    assert parsed.location == target.location
    words = [str(target), format_name, str(number), str(count), "" if ttl is None else str(ttl)]
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, *words], cwd=_ROOT, text=True, **piped)
    try:
        yield writer
    finally:
        if writer.poll() is None:
            writer.kill()
        writer.communicate()
