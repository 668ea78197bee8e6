"""Uses cachier: one function with all its calls in a file, one with a file each."""

import datetime
import os
from unittest.mock import patch

import cachier
import cachier.cores.pickle as core

LENGTH = 3
TTL = datetime.timedelta(hours=2)
_held = {}


class Earlier(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) - datetime.timedelta(hours=5)


def _functions(folder):
    @cachier.cachier(cache_dir=folder, stale_after=TTL, hash_func=_named)
    def together(word):
        return {"word": word, "tail": "x" * LENGTH, "when": datetime.date(2026, 1, 2)}

    @cachier.cachier(cache_dir=folder, stale_after=TTL, separate_files=True)
    def apart(number):
        return [number] * LENGTH

    return together, apart


def _named(args, kwds):
    return "|".join(str(value) for value in [*args, *kwds.values()])


def _hashed(number):
    return cachier.config._default_hash_func((), {"number": number})


WORDS = ["plain", "<b>bold</b>", "line\nbreak", "emoji 🦊", "nul\0", "old 1", "old 2"]
NUMBERS = range(5)


def make(folder):
    place = folder + "/cachier"
    together, apart = _functions(place)
    for word in WORDS:
        if word.startswith("old"):
            with patch.object(core, "datetime", Earlier):
                together(word)
        else:
            together(word)
    for number in NUMBERS:
        apart(number)
    return {"location": "cachier", "options": {"ttl": "2h"}, "keys": [_hashed(number) for number in NUMBERS]}


def _calls():
    return {**{word: (0, word) for word in WORDS}, **{_hashed(number): (1, number) for number in NUMBERS}}


def truth(location):
    together, apart = _functions(location)
    found = []
    for key, (which, argument) in _calls().items():
        function = (together, apart)[which]
        entry = _core(function).get_entry_by_key(key)[1]
        assert entry.value is not None, argument
        found.append({"key": key, "expires": (entry.time + TTL).timestamp()})
    return found


def _core(function):
    clear = function.clear_cache
    return clear.__closure__[clear.__code__.co_freevars.index("core")].cell_contents


def open(location):
    _held["functions"] = _functions(location)


def _entry(key):
    which, argument = _calls()[key]
    return _held["functions"][which], argument


def holds(key):
    function, _argument = _entry(key)
    return _core(function).get_entry_by_key(key)[1] is not None


def complaints():
    return []


def rewrite(key):
    global LENGTH
    LENGTH += 40
    function, argument = _entry(key)
    function(argument, cachier__overwrite_cache=True)


def delete(key):
    core_ = _core(_entry(key)[0])
    if core_.separate_files:
        os.remove(f"{core_.cache_fpath}_{key}")
    else:
        entries = core_.get_cache_dict(reload=True)
        entries.pop(key, None)
        core_._save_cache(entries)
