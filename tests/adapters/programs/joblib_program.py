"""Uses joblib.Memory: two remembered functions, whose results are made longer by `rewrite`."""

import json
import os
from pathlib import Path

from joblib import Memory

LENGTH = 3
_held = {}


def square(number):
    return [number * number] * LENGTH


def label(text, times=2):
    return text * times * LENGTH


CALLS = [
    (label, ("plain",)),
    (label, ("<b>& quotes\"'",)),
    (label, ("line\nbreak",)),
    (label, ("emoji 🦊\x00",)),
    (label, ("x" * 300,)),
    *((square, (number,)) for number in range(7)),
]


def _opened(location):
    memory = Memory(location, verbose=0)
    functions = {function: memory.cache(function) for function in (square, label)}
    return memory, {_hash(functions[f], a): (functions[f], a) for f, a in CALLS}


def _hash(function, arguments):
    return function._get_args_id(*arguments)


def _shown(name, metadata, digest):
    if not metadata:
        return digest
    text = ", ".join(f"{key}={value}" for key, value in metadata["input_args"].items())
    text = text if len(text) <= 120 else text[:119] + "…"
    return f"{name}({text}) {digest}"


def make(folder):
    memory = Memory(folder + "/cache", verbose=0)
    for function, arguments in CALLS:
        memory.cache(function)(*arguments)
    return {"location": "cache", "options": {}, "keys": [entry["key"] for entry in truth(folder + "/cache")]}


def truth(location):
    memory = Memory(location, verbose=0)
    found = []
    for item in memory.store_backend.get_items():
        digest, name = os.path.basename(item.path), os.path.basename(os.path.dirname(item.path))
        metadata = json.loads(Path(item.path, "metadata.json").read_text())
        found.append({"key": _shown(name, metadata, digest), "expires": "unknown"})
    return found


def open(location):
    _held["memory"], _held["calls"] = _opened(location)


def holds(key):
    function, arguments = _held["calls"][key[-32:]]
    return function.check_call_in_cache(*arguments)


def complaints():
    found = []
    backend = _held["memory"].store_backend
    items = backend.get_items()
    for item in items:
        if not os.path.isfile(item.path + "/output.pkl"):
            found.append(f"{item.path} has no result")
    held = sum(holds(key) for key in _held["calls"])
    if len(items) != held:
        found.append(f"{len(items)} items, {held} calls held")
    return found


def rewrite(key):
    global LENGTH
    LENGTH += 50
    function, arguments = _held["calls"][key[-32:]]
    function.call(*arguments)


def delete(key):
    function, arguments = _held["calls"][key[-32:]]
    backend = _held["memory"].store_backend
    backend.clear_item((function.func_id, _hash(function, arguments)))
