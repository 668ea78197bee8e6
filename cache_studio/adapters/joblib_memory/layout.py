"""The layout: `joblib/<module>/<function>/<md5 of the arguments>/{output.pkl, metadata.json}`."""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from cache_studio.model.times import number_of, parse_time

FOLDER = "joblib"
"""The folder of all functions in the location of a Memory."""
OUTPUT = "output.pkl"
"""The result of a call: without it nothing is remembered."""
METADATA = "metadata.json"
FUNCTION_CODE = "func_code.py"
FIRST_LINE = b"# first line:"
DEEPEST = 8
"""How many folders the modules and the function may take."""
METADATA_LIMIT = 200_000
"""Metadata that is longer is not read: joblib writes the whole text of the arguments."""
SHOWN = 120
"""Letters of the arguments in a key."""
is_hash = re.compile(r"[0-9a-f]{32}").fullmatch
"""Whether a folder's name is that of a call."""


class Call(NamedTuple):
    """What the metadata of a call say."""

    arguments: Mapping[str, str]
    """Name to text, as `repr` wrote it."""
    duration: float
    """Seconds the call took, NaN where that is not recorded."""
    time: float
    """When it was made, NaN where that is not recorded."""


UNKNOWN_CALL = Call({}, float("nan"), float("nan"))


def read_call(content: bytes) -> Call:
    """The call of a metadata file; what cannot be read is not recorded."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return UNKNOWN_CALL
    if not isinstance(found, dict):
        return UNKNOWN_CALL
    arguments = found.get("input_args")
    given = arguments.items() if isinstance(arguments, dict) else ()
    texts = {name: text for name, text in given if isinstance(text, str)}
    return Call(texts, number_of(found.get("duration")), parse_time(found.get("time"), "seconds"))


def shown_arguments(call: Call) -> str:
    """The arguments as a call in a program has them."""
    return ", ".join(f"{name}={text}" for name, text in call.arguments.items())


def shown_key(function: str, call: Call, name: str) -> str:
    """What the list shows: the call, its arguments cut, and the hash, which alone tells two calls apart."""
    if call is UNKNOWN_CALL:
        return name
    arguments = shown_arguments(call)
    return f"{function}({arguments if len(arguments) <= SHOWN else arguments[: SHOWN - 1] + '…'}) {name}"
