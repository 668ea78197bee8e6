"""How a response cache is configured: by arguments, else by environment variables, else by the defaults of S5."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlencode

from cache_studio.adapters.redis_options import RESPONSE_FORMAT, place_of
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
from cache_studio.model.units import parse_duration

URL, CONNECTIONS, TTL, METRICS_TTL = "redis://localhost:6379/0", 50, 3_600.0, 86_400.0
"""What counts where neither an argument nor a variable says otherwise."""
ANSWER_SECONDS = 2.0
"""How long one answer of the server may take; a response cache is asked before every request."""
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Settings:
    """`target` is the URL with all options, and with its password: it is not for showing."""

    target: str
    ttl: float
    max_connections: int


def settings_from(
    url: str,
    prefix: str,
    ttl: float | str | None,
    metrics_ttl: float | str | None,
    max_connections: int | None,
    timeout: float,
) -> Settings:
    """Read arguments and variables; "" and None are not given. BadRequest names the argument or variable."""
    place, where = (url, "url") if url else (os.environ.get("REDIS_URL") or URL, "REDIS_URL")
    seconds = _setting("ttl", ttl, "CACHE_DEFAULT_TTL", _duration, TTL)
    kept = _setting("metrics_ttl", metrics_ttl, "METRICS_TTL", _duration, METRICS_TTL)
    most = _setting("max_connections", max_connections, "REDIS_MAX_CONNECTIONS", _whole, CONNECTIONS)
    added = {"format": RESPONSE_FORMAT, "metrics_ttl": f"{kept:f}s"} | ({"prefix": prefix} if prefix else {})
    if "timeout=" not in place:
        added["timeout"] = f"{timeout:f}s"
    target = place + ("&" if "?" in place else "?") + urlencode(added, quote_via=quote)
    _check(target, where)
    return Settings(target, seconds, most)


def _check(target: str, where: str) -> None:
    try:
        parsed = parse_target(target)
        place_of(parsed, read_options(get_format(RESPONSE_FORMAT).options, parsed.options))
    except BadRequest as error:
        raise BadRequest(f"{where}: {error.message}", error.hint) from None


def _setting(argument: str, given: object, variable: str, read: Callable[[object], _Read], default: _Read) -> _Read:
    name, value = argument, given
    if given is None:
        name, value = variable, os.environ.get(variable) or None
    try:
        return default if value is None else read(value)
    except (TypeError, ValueError, OverflowError, BadRequest):
        raise BadRequest(
            f"{name}: “{str(value)[:40]}” cannot be used.", f"Give a number above 0, as in {name}={default}."
        ) from None


def _duration(value: object) -> float:
    seconds = parse_duration(value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]  # caller
    if not 0 < seconds < math.inf:
        raise ValueError
    return seconds


def _whole(value: object) -> int:
    number = int(value)  # type: ignore[call-overload]  # what is no number raises, and the caller says so
    if number < 1 or isinstance(value, float):
        raise ValueError
    return int(number)
