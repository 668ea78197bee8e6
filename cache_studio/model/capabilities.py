"""What an open cache allows, with the reason where it does not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from cache_studio.model.errors import UnsupportedAction


class Ability(StrEnum):
    """Something an open cache may allow; the values are the words of `capabilities` in JSON."""

    READ = "read"
    REMOVE = "remove"
    UNDO = "undo"
    COMPACT = "compact"
    SET_EXPIRY = "set_expiry"
    HIT_RATE = "hit_rate"
    ACCESS_TIMES = "access_times"
    WATCH = "watch"


ABILITY_WORDS = (
    ("list", Ability.READ),
    ("read", Ability.READ),
    ("remove", Ability.REMOVE),
    ("undo", Ability.UNDO),
    ("compact", Ability.COMPACT),
    ("live", Ability.WATCH),
    ("TTL", Ability.SET_EXPIRY),
)
"""What people are told that a format offers: the word, and the ability it stands for."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The abilities of one open cache. What is not allowed has a reason, a full sentence to be shown."""

    allowed: frozenset[Ability]
    reasons: Mapping[Ability, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, abilities: Iterable[Ability]) -> "Capabilities":
        """These abilities and no other."""
        return cls(frozenset(abilities))

    def can(self, ability: Ability) -> bool:
        """Whether the ability is there now."""
        return ability in self.allowed

    def why_not(self, ability: Ability) -> str:
        """The reason for what is not allowed; "" for what is."""
        if ability in self.allowed:
            return ""
        return self.reasons.get(ability, f"This format does not offer “{ability.replace('_', ' ')}”.")

    def without(self, abilities: Iterable[Ability], reason: str) -> "Capabilities":
        """The same less these, for this reason (a read-only file, missing rights)."""
        lost = frozenset(abilities)
        reasons = dict(self.reasons) | {ability: reason for ability in lost & self.allowed}
        return Capabilities(self.allowed - lost, MappingProxyType(reasons))

    def require(self, ability: Ability) -> None:
        """Raise UnsupportedAction with the reason unless the ability is there."""
        if ability not in self.allowed:
            raise UnsupportedAction(self.why_not(ability))
