"""Which bytes of a JSON document change when entries get another expiry. Loads no numpy: a child runs it.

Only the value of the one field changes, or the field is put in first where an entry has none.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cache_studio.adapters.json_fields import field_places
from cache_studio.adapters.json_rows import Identities, fault_sentence, open_json, stamp_of_span, walk
from cache_studio.adapters.json_spans import Fault
from cache_studio.adapters.mapped_expiry import MappedExpiry
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Renewed

NO_OBJECT = "It is no object, which could hold an expiry."
NO_NAME = "It has no key by which it would be known again after the change."


class _Found(NamedTuple):
    """A wanted entry as it stands in the document."""

    stamp: tuple[int, int, int]
    entry: Mapping[str, object] | None
    """Its mapped fields; None where it is no object."""
    at: int
    """Where in the document its value begins."""
    place: tuple[int, int, bytes, bytes]
    """As `place_for` found it in the value."""


def renew(
    path: str, spec: Mapping[str, Any], ttl: float | None, after_ttl: bool, wanted: Sequence[Sequence[Any]]
) -> dict[str, Any]:
    """The edits that give entries ([name, occurrence, stamp, moment]) another expiry, and an answer for each.

    `identity` of the version that was read, `edits` [start, end, text] and `answers` [fate, listed expiry, reason].
    WrongFormat when the document is broken.
    """
    fields = FieldMap(spec["fields"], ttl, spec["unit"], spec["zone"])
    mapped = MappedExpiry(fields, after_ttl=after_ttl)
    names = {(name, occurrence) for name, occurrence, _, _ in wanted}
    identity, found, example = _look(path, spec, mapped.field, names)
    edits: list[list[Any]] = []
    answers = []
    for name, occurrence, stamp, moment in wanted:
        one = found.get((name, occurrence))
        if one is None:
            answers.append([Renewed.GONE.value, 0.0, ""])
        elif one.stamp != tuple(stamp):
            answers.append([Renewed.CHANGED.value, 0.0, ""])
        elif one.entry is None or isinstance(name, bytes):
            answers.append([Renewed.FAILED.value, 0.0, NO_OBJECT if one.entry is None else NO_NAME])
        else:
            written = mapped.written(one.entry, moment, lambda: [example])
            if isinstance(written, str):
                answers.append([Renewed.FAILED.value, 0.0, written])
                continue
            start, end, before, behind = one.place
            edits.append([one.at + start, one.at + end, before + json.dumps(written[0]).encode() + behind])
            answers.append([Renewed.SET.value, written[1], ""])
    return {"identity": identity, "edits": edits, "answers": answers}


def _look(
    path: str, spec: Mapping[str, Any], field: str, names: set[tuple[Any, int]]
) -> tuple[list[int], dict[tuple[Any, int], _Found], object]:
    """Identity of the file, the wanted entries, and what the first entry that has it holds in the field."""
    descriptor, identity = open_json(path)
    identities = Identities(spec["fields"].get("key", ""))
    found: dict[tuple[Any, int], _Found] = {}
    example: object = None
    try:
        for members in walk(descriptor, spec).members():
            bases, repeats = identities.of(members)
            for index, member in enumerate(members):
                entry = member.decoded if isinstance(member.decoded, dict) else None
                if example is None and entry is not None:
                    example = entry.get(field)
                name = (bases[index], repeats.get(index, 1))
                if name in names:
                    value = bytes(member.text[member.value :])
                    place = (0, 0, b"", b"") if entry is None else place_for(value, field)
                    found[name] = _Found(stamp_of_span(member.text), entry, member.start + member.value, place)
    except Fault as fault:
        raise WrongFormat(fault_sentence(fault), "Nothing was changed; let the application write it again.") from None
    finally:
        os.close(descriptor)
    return identity, found, example


def place_for(text: bytes, field: str) -> tuple[int, int, bytes, bytes]:
    """Where in the text of an object a field's value stands, or can stand: start, end, what comes before and behind.

    Of a field that is there more than once it is the last, which programs read.
    """
    places = [(start, end) for name, start, end in field_places(text) if name == field]
    if places:
        return (*places[-1], b"", b"")
    opened = text.index(b"{") + 1
    rest = text[opened:].lstrip(b" \t\r\n")
    space = text[opened : len(text) - len(rest)]
    name = json.dumps(field).encode() + b": "
    if rest.startswith(b"}"):
        return opened, opened, name, b""
    return opened, opened, space + name, b"," if space else b", "
