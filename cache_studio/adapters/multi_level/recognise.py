"""Whether a folder holds pickled entries, and which of their fields plays which part. Nothing in them is run."""

import time
from collections.abc import Iterator, Mapping, Sequence

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.mapping import guess_roles
from cache_studio.adapters.multi_level.layout import FOLDER, SIGNATURE, SUFFIX
from cache_studio.adapters.sight import HEAD_BYTES, Sight
from cache_studio.decoding.pickled.header import pickle_header
from cache_studio.model.times import MILLISECONDS_FROM

FOLDERS = 20
"""How many namespace folders are looked into."""
SAMPLES = 8
_ROLES = ("created", "expires", "ttl_field", "tags")
"""The parts that a field of a pickle can play; key and namespace are names of file and folder."""


def recognise(sight: Sight) -> Recognition:
    """Sure for the original fields in `l3`, in a folder of namespaces or in one namespace; look for other times."""
    if sight.kind != "folder":
        return NOT_RECOGNISED
    names = [name for name in sight.folders if name != FOLDER][:FOLDERS]
    places = [sight, *(sight.below(name) for name in names)]
    if FOLDER in sight.folders:
        level = sight.below(FOLDER)
        places = [level, *(level.below(name) for name in level.folders[:FOLDERS])]
    samples = [found for place in places for found in _in_folder(place)][:SAMPLES]
    options = guess(samples, time.time())
    if is_signature(samples):
        return Recognition(Certainty.SURE, options, "The disk level of a multi-level cache.")
    if not {"created", "expires"} & set(options):
        return NOT_RECOGNISED
    return Recognition(Certainty.LOOK, options, f"Guessed from {len(samples)} pickles.")


def _in_folder(place: Sight) -> Iterator[Mapping[str, object]]:
    for name in [name for name in place.files if name.endswith(SUFFIX)][:SAMPLES]:
        file = place.below(name)
        found = None if file.size > HEAD_BYTES else sample(file.head)
        if found:
            yield found


def sample(content: bytes) -> Mapping[str, object] | None:
    """All plain fields of a pickled dict, None when it is broken or none."""
    keys = pickle_header(content, ()).keys
    header = pickle_header(content, keys)
    return None if header.problem else {key: header.fields.get(key) for key in keys}


def is_signature(samples: Sequence[Mapping[str, object]]) -> bool:
    """Whether most of the pickles have the fields of the original application."""
    fitting = sum({"value", "namespace", *SIGNATURE.values()} <= set(found) for found in samples)
    return fitting * 2 > len(samples)


def guess(samples: Sequence[Mapping[str, object]], now: float) -> dict[str, str]:
    """Options for pickles with these fields."""
    if is_signature(samples):
        return dict(SIGNATURE)
    guessed = guess_roles(samples, now)
    roles = {role: name for role, name in guessed.items() if role in _ROLES}
    name = roles.get("created") or roles.get("expires")
    moments = [found[name] for found in samples if isinstance(found.get(name), int | float)] if name else []
    if any(isinstance(moment, int | float) and moment >= MILLISECONDS_FROM for moment in moments):
        roles["unit"] = "milliseconds"
    return roles
