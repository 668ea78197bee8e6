"""Keys: SHA-256 of what a result depends on, made the same way by every process and by the original applications."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from cache_studio.model.errors import BadRequest, CacheUnavailable

_CHUNK = 1 << 20
OPERATION_DIGITS = 32
"""How many hex digits of the digest stand in the key of an operation (systems.md, S3)."""


def text_key(*parts: str) -> str:
    """The hex digest of texts joined by `|`: `model|prompt|user text` (S2), `prompt|negative prompt` (S4)."""
    return _digest("|".join(parts).encode("utf-8", "surrogatepass"))


def json_key(value: Any) -> str:
    """The hex digest of a value as JSON with sorted keys (S5); BadRequest for what JSON does not hold."""
    return _digest(canonical_json(value).encode("utf-8", "surrogatepass"))


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, the same text for the same value."""
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"This makes no key: {error}.", "Give texts, numbers, lists and objects.") from error


def file_key(path: str | Path) -> str:
    """The hex digest of a file's content; CacheUnavailable when it cannot be read."""
    digest = hashlib.sha256()
    _add_file(digest, path)
    return digest.hexdigest()


def image_pair_key(before: str | Path, after: str | Path, threshold: int) -> str:
    """The hex digest of two images and a threshold (S1): the contents one after the other, then the number."""
    digest = hashlib.sha256()
    _add_file(digest, before)
    _add_file(digest, after)
    digest.update(str(threshold).encode())
    return digest.hexdigest()


def operation_key(operation: str, given: object, parameters: dict[str, Any] | None = None) -> str:
    """`<operation>:<32 hex digits>` over `operation|str(input)|JSON of the parameters, keys sorted` (S3)."""
    if not operation:
        raise BadRequest("An operation has a name.")
    text = f"{operation}|{given}|{canonical_json(parameters or {})}"
    return f"{operation}:{_digest(text.encode('utf-8', 'surrogatepass'))[:OPERATION_DIGITS]}"


def call_key(function: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    """`<function>:<32 hex digits>` of a call's arguments; BadRequest for arguments that JSON does not hold."""
    key = operation_key(function, canonical_json(list(arguments)), named)
    _check_names([arguments, named])
    return key


def _check_names(value: Any) -> None:
    """JSON would make `1` and `"1"` the same name, and calls that differ would answer for each other."""
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise BadRequest("This makes no key: a dict with names that are no texts.", "Give `key=` a function.")
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for part in value:
        _check_names(part)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _add_file(digest: Any, path: str | Path) -> None:
    try:
        with open(path, "rb") as file:
            while part := file.read(_CHUNK):
                digest.update(part)
    except OSError as error:
        why = error.strerror or str(error)
        raise CacheUnavailable(f"“{os.fspath(path)}” makes no key: {why}.", "Check the path.") from error
