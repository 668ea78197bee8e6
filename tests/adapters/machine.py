"""A state machine for every format that has a key access: the model is a dict with TTL.

The application writes and deletes by key; the studio lists, removes, purges and restores; after each
step the listing says what the dict says.
"""

import itertools
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import Row, listing
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from keeping import MemoryKeep

from cache_studio.adapters.base import EntryCopy
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

NOW = 1_800_000_000.0
"""The moment that the machine calls now."""
KEYS = ("plain", "a:b", "ü", "with space", "<b>", "%41")


@dataclass(frozen=True)
class _Stored:
    value: bytes
    created: float
    expires: float | None
    tags: tuple[str, ...]


class CacheMachine(RuleBasedStateMachine):
    """Subclass it for a format, and collect `case_of` the subclass."""

    format_name: str
    options: Mapping[str, str] = {}
    ttl: float | None = None
    """The TTL that all entries have, None where each has its own."""
    has_tags = False
    namespaces: Sequence[str] = ("",)
    location = "cache"
    """Name of the file or folder."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        target = Target(str(Path(self.folder.name) / self.location), self.format_name, dict(self.options))
        found = get_format(self.format_name)
        options = read_options(found.options, self.options)
        self.access = found.access_class().open(target, options)
        self.adapter = found.adapter_class().open(target, options, writable=True)
        self.model: dict[tuple[str, str], _Stored] = {}
        self.keep = MemoryKeep()
        self.trash: list[tuple[tuple[str, str], _Stored, EntryCopy]] = []
        self.numbers = itertools.count()

    @rule(
        data=st.data(),
        key=st.sampled_from(KEYS),
        age=st.integers(0, 7200),
        life=st.sampled_from((0, 60, 4000, None)),
        words=st.sets(st.sampled_from(("red", "blue"))),
    )
    def application_writes(self, data: st.DataObject, key: str, age: int, life: int | None, words: set[str]) -> None:
        """Another value under the key."""
        created = NOW - age
        expires = created + self.ttl if self.ttl is not None else None if life is None else created + life
        value = f'{{"n": {next(self.numbers)}, "text": "ü"}}'.encode()
        tags = tuple(sorted(words)) if self.has_tags else ()
        namespace = data.draw(st.sampled_from(self.namespaces))
        self.access.put(key, Held(value, created, expires, tags=tags), namespace)
        self.model[namespace, key] = _Stored(value, created, expires, tags)

    @rule(data=st.data(), key=st.sampled_from(KEYS))
    def application_deletes(self, data: st.DataObject, key: str) -> None:
        """The key is gone, and the answer says whether it was there."""
        namespace = data.draw(st.sampled_from(self.namespaces))
        assert self.access.delete(key, namespace) == (self.model.pop((namespace, key), None) is not None)

    @rule(data=st.data())
    def studio_removes(self, data: st.DataObject) -> None:
        """Up to three entries."""
        rows = list(listing(self.adapter).values())
        if rows:
            self.remove(data.draw(st.lists(st.sampled_from(rows), unique_by=lambda row: row.id, max_size=3)))

    @rule()
    def studio_purges(self) -> None:
        """The stale ones."""
        self.remove([row for row in listing(self.adapter).values() if row.expires and row.expires <= NOW])

    @rule()
    def studio_undoes(self) -> None:
        """Everything that waits, the last first."""
        while self.trash:
            place, stored, copy = self.trash.pop()
            restored = self.adapter.restore([copy], self.keep)[0]
            assert restored.fate is (Return.NEWER_KEPT if place in self.model else Return.RESTORED)
            self.model.setdefault(place, stored)

    def remove(self, rows: Sequence[Row]) -> None:
        """Remove these, as the studio does."""
        before = len(self.keep.taken)
        removals = self.adapter.remove([row.seen for row in rows], self.keep)
        assert [removal.fate for removal in removals] == [Fate.REMOVED] * len(rows)
        for row, copy in zip(rows, self.keep.taken[before:], strict=True):
            place = (row.namespace, row.key)
            self.trash.append((place, self.model.pop(place), copy))

    @invariant()
    def both_sides_see_the_model(self) -> None:
        """The listing and the key access say what the dict says."""
        rows = {(row.namespace, row.key): row for row in listing(self.adapter).values()}
        assert set(rows) == set(self.model)
        for (namespace, key), stored in self.model.items():
            row, held = rows[namespace, key], self.access.get(key, namespace)
            assert held is not None
            assert (held.value, held.tags) == (stored.value, stored.tags)
            assert abs((row.created or 0) - stored.created) < 1e-3
            assert (row.expires == math.inf) == (stored.expires is None)
            if stored.expires is not None:
                assert abs((row.expires or 0) - stored.expires) < 1e-3
                assert abs((held.expires or 0) - stored.expires) < 1e-3
        assert {(known.namespace, known.key) for known in self.access.known()} == set(self.model)

    def teardown(self) -> None:
        """Close both sides."""
        self.adapter.close()
        self.access.close()
        self.folder.cleanup()


def case_of(machine: type[CacheMachine]) -> Any:
    """The test case that pytest collects, with few and short runs."""
    case: Any = machine.TestCase
    case.settings = settings(
        max_examples=12,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )
    return case
