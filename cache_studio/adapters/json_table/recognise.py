"""Whether a JSON file holds entries that a mapping can open, and which mapping."""

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.json_samples import Sample, inner_samples, looks_like_json, sample, sample_lines
from cache_studio.adapters.mapping import MAPPING_OPTIONS
from cache_studio.adapters.sight import Sight
from cache_studio.model.options import Option, OptionKind

OPTIONS = (
    *(option for option in MAPPING_OPTIONS if option.name != "size"),
    Option("at", OptionKind.TEXT, "Place in the document", "JSON pointer to the entries, such as /entries."),
    Option(
        "shape",
        OptionKind.CHOICE,
        "Shape",
        "lines: one JSON value a line. auto: an object or a list of entries.",
        "auto",
        ("auto", "lines"),
    ),
)
_KNOWN = frozenset(option.name for option in OPTIONS)


def recognise(sight: Sight) -> Recognition:
    """Look, never sure: several objects as lines, in a list, or as the members of an object; at most one level down;
    or one object of plain values.
    """
    if not looks_like_json(sight):
        return NOT_RECOGNISED
    lines = sample_lines(sight)
    if lines is not None:
        return _mapped(lines, {"shape": "lines"})
    top = sample(sight)
    if top is None:
        return NOT_RECOGNISED
    if top.only_objects:
        return _mapped(top, {})
    # One level down only lists: nearly every configuration file has an object of objects somewhere.
    for inner in inner_samples(sight) if top.kind == "object" else ():
        if inner.only_objects and (inner.kind == "list" or {"created", "expires", "accessed"} & set(inner.roles())):
            return _mapped(inner, {"at": inner.pointer})
    if top.flat:
        return Recognition(Certainty.LOOK, {}, "Keys and plain values; nothing tells when they end.")
    return NOT_RECOGNISED


def _mapped(found: Sample, options: dict[str, str]) -> Recognition:
    roles = {role: field for role, field in found.roles().items() if role in _KNOWN}
    if found.kind == "object":
        roles.pop("key", None)  # the member's own name is the key
    return Recognition(Certainty.LOOK, roles | options, f"Guessed from {len(found.values)} entries.")
