"""What becomes of the entries of one removal, gathered as it happens."""

from collections.abc import Iterable, Sequence

from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate
from cache_studio.model.seeing_columns import RemovalColumns

_NOTHING = 0, ""


class Answers:
    """Fates by id, and what else is to be told of a few."""

    def __init__(self) -> None:
        self.fates: dict[EntryId, Fate] = {}
        self.told: dict[EntryId, tuple[int, str]] = {}
        """The bytes that were freed and, where it failed, why."""

    def add(self, ids: Iterable[EntryId], fate: Fate, reason: str = "") -> None:
        """The same for all of these."""
        found = dict.fromkeys(ids, fate)
        self.fates |= found
        if reason:
            self.told |= dict.fromkeys(found, (0, reason))

    def of(self, ids: Sequence[EntryId]) -> RemovalColumns:
        """The answers for these, each of which has one."""
        told = [self.told.get(entry_id, _NOTHING) for entry_id in ids] if self.told else [_NOTHING] * len(ids)
        fates = list(map(self.fates.__getitem__, ids))
        return RemovalColumns(ids, fates, [freed for freed, _ in told], [reason for _, reason in told])
