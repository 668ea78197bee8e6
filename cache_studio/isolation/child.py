"""The inside of a child: serves requests from its standard input until that is closed."""

import contextlib
import importlib
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import IO, Any

from cache_studio import heap
from cache_studio.isolation import wire
from cache_studio.model.errors import CacheStudioError

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

NICENESS = 5
"""How far a child steps back behind the applications whose caches are looked at."""


def main(prefixes: Sequence[str]) -> None:
    """Serve requests; `prefixes` are the starts that a function's module may have. Ends the process at EOF."""
    heap.arrange()
    requests, answers = _take_over_pipes()
    with contextlib.suppress(OSError, AttributeError):  # lower priority is a courtesy, Windows has no nice
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is the parent's to handle
    waiting: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    at_start = _address_space()
    while True:
        request = waiting.get()
        try:
            _serve(request, answers, tuple(prefixes), at_start)
        except BrokenPipeError:
            os._exit(0)


def _take_over_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep stdin and stdout for the frames alone; what a function prints goes to stderr."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if sys.stderr is not None:  # a windowed bundle has none
        os.dup2(2, 1)
        sys.stdout = sys.stderr
    return requests, answers


def _listen(requests: IO[bytes], waiting: "queue.SimpleQueue[object]") -> None:
    """Pass requests on; when the parent is gone, end at once whatever is being computed."""
    while True:
        try:
            waiting.put(wire.read_frame(requests))
        except (EOFError, OSError):
            os._exit(0)
        except BaseException:  # out of memory while reading a request: nobody would ever answer it
            os._exit(1)


def _serve(request: object, answers: IO[bytes], prefixes: tuple[str, ...], at_start: int) -> None:
    assert isinstance(request, list)
    name, arguments, streamed, memory = request
    try:
        function = _find(name, prefixes)
        _limit(at_start + memory)
        if streamed:
            for batch in function(*arguments):
                wire.write_frame(answers, [wire.BATCH, batch])
            answer: list[object] = [wire.END]
        else:
            answer = [wire.VALUE, function(*arguments)]
        wire.write_frame(answers, answer)
    except BrokenPipeError:
        raise
    except CacheStudioError as error:
        _answer_error(answers, [wire.ERROR, type(error).__name__, error.message, error.hint])
    except MemoryError:
        _answer_error(answers, [wire.MEMORY])
    except Exception:  # our bug: its traceback crosses, the parent reports it
        _answer_error(answers, [wire.BUG, traceback.format_exc()])
    finally:
        _limit(None)


def _answer_error(answers: IO[bytes], answer: list[object]) -> None:
    _limit(None)
    wire.write_frame(answers, answer)


def _find(name: str, prefixes: tuple[str, ...]) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    if not module.startswith(prefixes):
        raise ValueError(f"{name} is outside {prefixes}")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _address_space() -> int:
    """Bytes of address space in use now; a guess where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except (OSError, AttributeError):
        return 500_000_000


def _limit(total: int | None) -> None:
    """Let the address space grow to `total` bytes, None for as far as the system lets it."""
    if resource is None:
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = hard if total is None or (hard != resource.RLIM_INFINITY and hard < total) else total
    with contextlib.suppress(ValueError, OSError):  # macOS refuses limits below what is in use
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
