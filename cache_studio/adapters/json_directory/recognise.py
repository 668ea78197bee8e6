"""Whether a folder holds one JSON file an entry, and which field plays which part in them."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.json_directory.layout import DEFAULT_TTL, SIGNATURE, SUFFIX, key_of_name
from cache_studio.adapters.json_fields import plain_value, scan_head
from cache_studio.adapters.json_times import head_may_hold_times
from cache_studio.adapters.mapping import guess_roles
from cache_studio.adapters.sight import Sight
from cache_studio.model.times import MILLISECONDS_FROM

SAMPLES = 8
"""How many files a guess is made from."""
Sample = tuple[str, Mapping[str, object]]
"""File name and object."""


def recognise(sight: Sight) -> Recognition:
    """Sure for the original layout and for files that carry their own name as key; look where there is a time."""
    if sight.kind != "folder":
        return NOT_RECOGNISED
    found = _recognise_folder(sight)
    if found.certainty is Certainty.NO and "cache" in sight.folders:
        below = sight.below("cache")
        inner = _recognise_folder(below)
        if inner.certainty is Certainty.SURE:
            return Recognition(inner.certainty, inner.options, "The cache lies in the folder below.", (below.path,))
    return found


def _recognise_folder(sight: Sight) -> Recognition:
    names = [name for name in sight.files if name.endswith(SUFFIX)]
    looks = {name: sight.below(name) for name in _spread(names)}
    if not any(look.once(head_may_hold_times) for look in looks.values()):
        return NOT_RECOGNISED  # told in no time for the settings and data of programs
    samples = [(name, entry) for name, look in looks.items() if (entry := head_fields(look.head)) is not None]
    if not samples:
        return NOT_RECOGNISED
    options = guess(samples, time.time())
    if is_signature(samples):
        return Recognition(Certainty.SURE, options, "The layout of an image-comparison cache; its TTL is not stored.")
    if not {"created", "expires"} & set(options):
        return NOT_RECOGNISED
    key_field = options.get("key")
    if key_field and all(entry.get(key_field) == key_of_name(name) for name, entry in samples):
        return Recognition(Certainty.SURE, options, "Each file carries its own name as key.")
    return Recognition(Certainty.LOOK, options, f"Guessed from {len(samples)} of {len(names)} JSON files.")


def _spread(names: Sequence[str]) -> Sequence[str]:
    return names[:: max(1, len(names) // SAMPLES)][:SAMPLES]


def head_fields(head: bytes) -> Mapping[str, object] | None:
    """The top-level fields in the head of a file, None when it is no JSON object."""
    with suppress(ValueError, RecursionError):
        found = json.loads(head.decode())
        return found if found and isinstance(found, dict) else None
    try:  # longer than its head, or not strict
        return {name: plain_value(text) for name, text in scan_head(head)} or None
    except ValueError:
        return None


def is_signature(samples: Sequence[Sample]) -> bool:
    """Whether most of the files have the fields of the original application."""
    fitting = sum(
        set(SIGNATURE.values()) <= set(entry) and isinstance(entry[SIGNATURE["value"]], dict | None)
        for _name, entry in samples
    )
    return fitting * 2 > len(samples)


def guess(samples: Sequence[Sample], now: float) -> dict[str, str]:
    """Options for a folder with these files: roles, unit and zone of the times, the TTL where the layout fixes it."""
    if is_signature(samples):
        return {**SIGNATURE, "ttl": DEFAULT_TTL}
    roles = guess_roles([entry for _name, entry in samples], now)
    field = roles.get("created") or roles.get("expires")
    if field is None:
        return roles
    moment = next((entry[field] for _name, entry in samples if entry.get(field) is not None), None)
    if isinstance(moment, str):
        utc = moment.endswith(("Z", "+00:00"))
        return roles | {"unit": "iso"} | ({"zone": "utc"} if utc else {})
    if isinstance(moment, int | float):
        return roles | {"unit": "milliseconds" if moment >= MILLISECONDS_FROM else "seconds"}
    return roles
