"""Which requests for a response are the same one (systems.md, S5): normalised, and their key."""

from collections.abc import Mapping, Sequence
from typing import Any

from cache_studio.model.errors import BadRequest
from cache_studio.runtime.keys import json_key

_FRACTIONS = ("temperature", "top_p")
_COUNTS = ("max_tokens",)


def normalised(request: Mapping[str, Any], also: Sequence[str] = ()) -> dict[str, Any]:
    """What of a request makes its response: the rest (request ids, times, users) is left out.

    Always these four: `messages`, of each `role` and `content`; `temperature` and `top_p` as a fraction (1 is 1.0);
    `max_tokens` as a whole number (100.0 is 100). What is not there, or None, is null: it is not the same as a
    value, since the provider chooses then. `also` names further fields that change the response, such as "model";
    they count as they are where they are given. BadRequest for a request that cannot be read so.
    """
    if not isinstance(request, Mapping):
        raise BadRequest(f"A request is a mapping, not {type(request).__name__}.", "Give its fields by name.")
    found: dict[str, Any] = {name: request[name] for name in also if request.get(name) is not None}
    found["messages"] = _messages(request.get("messages"))
    found |= {name: _fraction(name, request.get(name)) for name in _FRACTIONS}
    return found | {name: _count(name, request.get(name)) for name in _COUNTS}


def request_key(request: Mapping[str, Any], also: Sequence[str] = ()) -> str:
    """The SHA-256 hex digest of the normalised request as JSON with sorted keys."""
    return json_key(normalised(request, also))


def _messages(messages: object) -> list[dict[str, Any]]:
    if not isinstance(messages, Sequence) or isinstance(messages, str | bytes) or not messages:
        raise BadRequest("A request has messages.", "Give a list of {role, content}.")
    found = []
    for message in messages:
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise BadRequest("A message has a role and a content.", "Give a list of {role, content}.")
        found.append({"role": message["role"], "content": message.get("content")})
    return found


def _fraction(name: str, value: object) -> float | None:
    return None if value is None else float(_number(name, value)) + 0.0  # -0.0 is 0.0


def _count(name: str, value: object) -> int | None:
    if value is None:
        return None
    number = _number(name, value)
    if number != int(number):
        raise BadRequest(f"{name} is a whole number.", f"“{number}” is none.")
    return int(number)


def _number(name: str, value: object) -> float | int:
    # Neither NaN nor infinity is below the limit, and what is fits into a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise BadRequest(f"{name} is a number.", f"“{str(value)[:40]}” is none.")
    return value
