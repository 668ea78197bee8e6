"""Whether JSON may hold a moment under a usual name, told from its bytes without parsing them.

A walk over folders looks at thousands of JSON files that are no cache, and this is what it asks of each of them.
"""

import re

from cache_studio.adapters.mapping import ROLES
from cache_studio.adapters.sight import Sight

_BETWEEN = r'[^a-z0-9"]*'
"""What `mapping.plain_name` takes for one underscore, or for nothing at the ends."""
_NAMES = "|".join(name.replace("_", _BETWEEN) for role in ROLES if role.is_time for name in role.names)
_ends_in_name = re.compile(rf'"{_BETWEEN}(?:{_NAMES}){_BETWEEN}"[ \t\r\n]*\Z'.encode()).search
_LONGEST = 64
"""Bytes before a colon in which a name is looked for."""
_values = re.compile(rb':[ \t\r\n]*"?[ \t\r\n]*[0-9]{4}').finditer
"""What may be a moment of our days, as a number or as text.

Values come first, because most are none: a colon is found in no time, and only where digits follow a name is compared.
"""


def may_hold_times(text: bytes) -> bool:
    """Whether a field may be there that `guess_roles` takes for a time.

    False where none is, but also where digits are spelled as escapes or a sign stands before them.
    """
    starts = (value.start() for value in _values(text))
    return any(_ends_in_name(text[max(0, start - _LONGEST) : start].lower()) for start in starts)


def head_may_hold_times(sight: Sight) -> bool:
    """The same of the head of a file; ask it by `Sight.once`, so that it is asked once for all formats."""
    return may_hold_times(sight.head)
