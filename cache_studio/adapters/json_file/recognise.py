"""Whether a file is one object of entries that carry a time."""

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.json_file.layout import FILE_NAME, OPTIONS, SIGNATURE
from cache_studio.adapters.json_samples import Sample, inner_samples, looks_like_json, sample
from cache_studio.adapters.json_times import head_may_hold_times
from cache_studio.adapters.sight import Sight

_KNOWN = {option.name: option.default for option in OPTIONS}
_TIMES = ("created", "accessed", "expires")


def recognise(sight: Sight) -> Recognition:
    """Sure for an object of objects with a time in them, at the top or one level below; the file's name helps."""
    if sight.kind == "file" and sight.name == FILE_NAME and not sight.head.strip():
        return Recognition(Certainty.SURE, {}, "The file is empty.")
    if not looks_like_json(sight) or not sight.once(head_may_hold_times):
        return NOT_RECOGNISED if sight.name != FILE_NAME else _empty(sight)
    top = sample(sight)
    if top is None or top.kind != "object":
        return NOT_RECOGNISED
    for found in (top, *inner_samples(sight)):
        if found.kind == "object" and found.mostly_objects:
            recognition = _entries(found)
            if recognition.certainty is not Certainty.NO:
                return recognition
    return NOT_RECOGNISED


def _empty(sight: Sight) -> Recognition:
    top = sample(sight) if looks_like_json(sight) else None
    if top is None or top.kind != "object" or top.values:
        return NOT_RECOGNISED
    return Recognition(Certainty.SURE, {}, "No entry is there yet.")


def _entries(found: Sample) -> Recognition:
    if any(set(entry) >= SIGNATURE for entry in found.objects):
        roles: dict[str, str] = {}  # the original layout: its names are the defaults
        note = "The layout of AI text responses; 7 days from created_at is its usual TTL."
    else:
        guessed = found.roles()
        if not found.only_objects or not any(role in guessed for role in _TIMES):
            return NOT_RECOGNISED
        roles = {role: field for role, field in guessed.items() if role in _KNOWN and _KNOWN[role] != field}
        note = "An object of entries with a time in each."
        if "expires" not in guessed and "ttl_field" not in guessed:
            note += " The file does not say its TTL: 7 days are assumed."
    return Recognition(Certainty.SURE, roles | ({"at": found.pointer} if found.pointer else {}), note)
