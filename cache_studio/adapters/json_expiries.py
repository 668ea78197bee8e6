"""The expiry of entries that lie together in one JSON file: all changes of a batch in one rewrite."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from cache_studio.adapters import json_expiry_edits
from cache_studio.adapters.base import SetsExpiry
from cache_studio.adapters.files import Folder
from cache_studio.adapters.json_entries import READ_HERE, JsonAdapter, file_errors, limits_for, name_of
from cache_studio.adapters.json_lock import locked_where_used
from cache_studio.adapters.json_rewrite import Edit, publish
from cache_studio.adapters.mapped_expiry import MappedExpiry, with_set_expiry
from cache_studio.isolation import call
from cache_studio.model.capabilities import Ability
from cache_studio.model.identity import Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.seeing import Renewal, Renewed, Seen


class ExpiringJson(JsonAdapter, SetsExpiry):
    """A JSON file whose entries may have a field of their own with an expiry or a TTL."""

    def __init__(self, folder: Folder, name: str, options: Mapping[str, OptionValue], writable: bool) -> None:
        super().__init__(folder, name, options, writable)
        self.capabilities = with_set_expiry(self.capabilities, MappedExpiry(self.fields).why_not)

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """Change the one field of each entry that has still the same bytes."""
        self.capabilities.require(Ability.SET_EXPIRY)
        wanted = [
            [*name_of(entry.id), list(entry.stamp), moment] for entry, moment in zip(entries, expires, strict=True)
        ]
        answers: list[tuple[str, float, str]] = []

        def plan(version: str) -> tuple[Stamp, Sequence[Edit]]:
            found = self._edits(version, wanted)
            answers[:] = found["answers"]
            return tuple(found["identity"]), [Edit(*edit) for edit in found["edits"]]

        with file_errors(self._path), locked_where_used(self._path):
            publish(self._folder, self._name, plan)
        return [
            Renewal(entry.id, Renewed(fate), expiry if fate == Renewed.SET else float("nan"), reason)
            for entry, (fate, expiry, reason) in zip(entries, answers, strict=True)
        ]

    def _edits(self, version: str, wanted: Sequence[Sequence[Any]]) -> Mapping[str, Any]:
        path = os.path.join(self._folder.path, version)
        given = (path, self._spec, self.fields.ttl, self.after_ttl, wanted)
        size = self._folder.status(version).st_size
        if size <= READ_HERE:
            return json_expiry_edits.renew(*given)
        self._stop.clear()
        answer = call(f"{json_expiry_edits.__name__}:renew", *given, limits=limits_for(size), stop=self._stop)
        assert isinstance(answer, dict)
        return answer
