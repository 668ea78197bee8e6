"""JSON as the runtime's doors take it from an application: checked before it becomes a part of a file."""

import json
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from cache_studio.model.errors import BadRequest

_skip = msgspec.json.Decoder(msgspec.Raw).decode


def value_text(value: bytes) -> bytes:
    """The value as it can stand in a JSON file: as it is, in escapes where UTF-8 cannot hold it.

    BadRequest for what is no JSON text.
    """
    try:
        _skip(value)
        value.decode()  # msgspec looks at the structure only
        return value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.dumps(json.loads(value.decode("utf-8", "surrogatepass"), parse_constant=_refuse)).encode("ascii")
    except (ValueError, RecursionError) as error:
        raise BadRequest("The value is no JSON text.", "This format holds JSON: use the JSON serializer.") from error


def metadata_text(metadata: Mapping[str, object]) -> str:
    """The metadata of an entry as JSON; BadRequest for what has none."""
    try:
        return json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"The metadata cannot be stored: {error}.", "It may hold what JSON can hold.") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
