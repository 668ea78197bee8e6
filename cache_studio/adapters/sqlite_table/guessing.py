"""Which table of a database is a cache and what its columns mean: guessed from names, types and a few rows."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.mapping import ROLES, guess_roles, plain_name
from cache_studio.adapters.sight import Sight
from cache_studio.adapters.sqlite_open import Cell, Table, read_rows
from cache_studio.adapters.sqlite_table.layout import OWN, is_own
from cache_studio.model.times import looks_like_times

SAMPLES = 20
"""Rows a guess is made from."""
_TELLING = ("value", "expires", "created", "accessed", "ttl_field", "hits", "size")

RowsOf = Callable[[str], Sequence[Mapping[str, Cell]]]
"""A few rows of a table by its name."""


def recognise(sight: Sight) -> Recognition:
    """A database with a table that has a key and something of a cache about it."""
    tables = sight.tables
    guess = guess_table(tables.values(), lambda name: read_rows(sight.path, name, SAMPLES), time.time())
    if guess is None:
        return NOT_RECOGNISED
    table, roles = guess
    others = f" It is one of {len(tables)} tables." if len(tables) > 1 else ""
    note = f"Table “{table}” with key “{roles['key']}”; what its columns mean is a guess.{others}"
    return Recognition(Certainty.LOOK, {"table": table, **roles}, note)


def guess_table(tables: Iterable[Table], rows_of: RowsOf, now: float) -> tuple[str, dict[str, str]] | None:
    """The table that looks most like a cache and its roles; None when none has a key and a telling column."""
    guesses = [(table, guess_columns(table, rows_of(table.name), now)) for table in tables]
    fitting = [
        (_likeness(table, roles), table.name, roles)
        for table, roles in guesses
        if "key" in roles and any(role in roles for role in _TELLING)
    ]
    return max(fitting, key=lambda found: found[0])[1:] if fitting else None


def _likeness(table: Table, roles: Mapping[str, str]) -> tuple[bool, int]:
    return "cache" in plain_name(table.name), len(roles)


def _without_odd_times(rows: Sequence[Mapping[str, Cell]], now: float) -> list[dict[str, Cell]]:
    """The rows with NULL for the few values that are no moments in columns that hold moments: one bad row misleads."""
    cleaned = [dict(row) for row in rows]
    for name in cleaned[0]:
        odd = [row for row in cleaned if row[name] is not None and not looks_like_times([row[name]], now)]
        if len(odd) * 4 <= sum(row[name] is not None for row in cleaned):
            for row in odd:
                row[name] = None
    return cleaned


def guess_columns(table: Table, rows: Sequence[Mapping[str, Cell]], now: float) -> dict[str, str]:
    """The roles of a table's columns; the key falls back to a declared primary key or unique column.

    An empty table is guessed from its names alone. A table that the runtime made is no guess: that no entry of
    it expires says nothing against its column of expiries.
    """
    if is_own(table):
        return dict(OWN)
    if rows:
        roles = guess_roles(_without_odd_times(rows, now), now)
    else:
        by_plain = {plain_name(name): name for name in reversed(table.names)}
        roles = {}
        for role in ROLES:
            free = [by_plain[n] for n in role.names if n in by_plain and by_plain[n] not in roles.values()]
            roles |= {role.name: free[0]} if free else {}
    declared = [(column.name,) for column in table.primary_key] if len(table.primary_key) == 1 else []
    unique = [*table.unique, *declared]
    if roles.get("key") not in [single[0] for single in unique if len(single) == 1]:
        # A counting id is a worse key than a text that no two rows share.
        kinds = {column.name: column.type.upper() for column in table.columns}
        texts = [names[0] for names in unique if len(names) == 1 and "INT" not in kinds.get(names[0], "")]
        free = [name for name in texts if name not in roles.values()]
        if "key" not in roles and (free or declared):
            roles["key"] = free[0] if free else declared[0][0]
    return roles
