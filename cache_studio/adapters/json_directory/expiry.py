"""The bytes of an entry's file that change when it gets another expiry. Loads no numpy: a child runs it, too."""

import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from cache_studio.adapters.files import Folder, stamp_of
from cache_studio.adapters.json_directory.layout import named_fields
from cache_studio.adapters.json_expiry_edits import place_for
from cache_studio.adapters.json_fields import JsonFields
from cache_studio.adapters.json_rewrite import Edit
from cache_studio.adapters.mapped_expiry import MappedExpiry
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.identity import Stamp

BROKEN = "The file is no complete JSON object."


class ExpiryEdit(NamedTuple):
    """What was found in a file: its stamp, the edit (or None and why), and the expiry that is listed then."""

    stamp: Stamp
    edit: tuple[int, int, bytes] | None = None
    listed: float = float("nan")
    reason: str = ""

    @property
    def edits(self) -> list[Edit]:
        """For `json_rewrite.publish`."""
        return [] if self.edit is None else [Edit(*self.edit)]


def expiry_edit(folder: Folder, name: str, fields: FieldMap, moment: float) -> ExpiryEdit:
    """How the file `name` gets this expiry. OSError and NoRegularFile may leave."""
    content, status = folder.read(name)
    stamp = stamp_of(status)
    mapped = MappedExpiry(fields)
    try:
        entry = JsonFields(named_fields(fields)).whole(content)
        written = mapped.written(entry, moment, tuple)
        if isinstance(written, str):
            return ExpiryEdit(stamp, reason=written)
        start, end, before, behind = place_for(content, mapped.field)
    except ValueError:
        return ExpiryEdit(stamp, reason=BROKEN)
    return ExpiryEdit(stamp, (start, end, before + json.dumps(written[0]).encode() + behind), written[1])


def expiry_edit_in(
    path: bytes, name: str, mapping: tuple[dict[str, str], float | None, str, str], moment: float
) -> Sequence[object]:
    """The same for a folder by its path: what a child is asked."""
    with Folder.open(os.fsdecode(path)) as folder:
        return tuple(expiry_edit(folder, name, FieldMap(*mapping), moment))
