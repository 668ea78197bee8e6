"""Which mapped field decides when an entry is stale, and what to write there: for tables and JSON alike.

It is the field of the expiry, else the one with the TTL from its creation. Loads no numpy: a child uses it too.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from cache_studio.adapters.mapping import FieldMap
from cache_studio.adapters.written_times import moment_like, ttl_like
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.times import number_of, parse_time

NOT_STORED = "No field of an entry is known to hold its expiry or TTL; name one as option (expires, ttl_field)."
UNKNOWN_FORM = "No entry of this cache shows how its application writes this expiry."
ALWAYS_ENDS = "Every entry of this cache has a TTL; that it never ends cannot be said."
NO_CREATION = "When it was made is not recorded, and its TTL counts from there."

Written = tuple[int | float | str | None, float]
"""What to write into the field (None for null), and the expiry that is listed for it then."""
Examples = Callable[[], Sequence[object]]
"""How the cache writes this field elsewhere, likeliest first; asked where the entry itself shows nothing."""


def with_set_expiry(capabilities: Capabilities, why_not: str) -> Capabilities:
    """The same and SET_EXPIRY; it is lost for `why_not`, or for the reason for which removing is."""
    offered = Capabilities(capabilities.allowed | {Ability.SET_EXPIRY}, capabilities.reasons)
    reason = why_not or capabilities.why_not(Ability.REMOVE)
    return offered.without([Ability.SET_EXPIRY], reason) if reason else offered


class MappedExpiry:
    """What `fields` say of expiry; `after_ttl`: an entry is stale only after its TTL has passed, not at its end."""

    def __init__(self, fields: FieldMap, *, after_ttl: bool = False) -> None:
        self._fields = fields
        self._after_ttl = after_ttl
        self._by_moment = "expires" in fields.fields
        ttl = fields.fields.get("ttl_field", "") if "created" in fields.fields else ""
        self.field = fields.fields.get("expires", ttl)
        """The field that is written, "" where none is known."""

    @property
    def why_not(self) -> str:
        """Why no expiry can be set in this cache, "" where it can."""
        return "" if self.field else NOT_STORED

    def written(self, entry: Mapping[str, object], moment: float, examples: Examples) -> Written | str:
        """What this entry gets for a moment (+inf: never), or the sentence why it cannot be set."""
        return self._moment(entry, moment, examples) if self._by_moment else self._ttl(entry, moment, examples)

    def _moment(self, entry: Mapping[str, object], moment: float, examples: Examples) -> Written | str:
        if moment == math.inf:
            return None, math.inf
        fields = self._fields
        example = entry.get(self.field)
        if example is None:
            created = entry.get(fields.fields["created"]) if "created" in fields.fields else None
            example = next((one for one in (*examples(), created) if one is not None), None)
        written = moment_like(example, moment, fields.unit, fields.zone)
        return UNKNOWN_FORM if written is None else (written, parse_time(written, fields.unit, fields.zone))

    def _ttl(self, entry: Mapping[str, object], moment: float, examples: Examples) -> Written | str:
        created = self._fields.moment("created", entry)
        if math.isnan(created):
            return NO_CREATION
        if moment == math.inf:
            return (None, math.inf) if self._fields.ttl == math.inf else ALWAYS_ENDS
        example = entry.get(self.field)
        if math.isnan(number_of(example)):
            example = next((one for one in examples() if not math.isnan(number_of(one))), None)
        written = ttl_like(example, moment - created)
        listed = created + written
        return written, math.nextafter(listed, math.inf) if self._after_ttl else listed
