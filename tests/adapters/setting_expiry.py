"""What every format keeps that sets the expiry of an entry: for its own test file to call."""

import math
from collections.abc import Callable

from contract import Row, listing

from cache_studio.adapters.base import Adapter, SetsExpiry
from cache_studio.model.capabilities import Ability
from cache_studio.model.seeing import Renewal, Renewed


def rows_by_key(adapter: Adapter) -> dict[str, Row]:
    """The listed entries."""
    return {row.key: row for row in listing(adapter).values()}


def set_to(adapter: Adapter, moments: dict[str, float]) -> dict[str, Renewal]:
    """Give these keys these expiries; the answers by key."""
    assert isinstance(adapter, SetsExpiry)
    assert adapter.capabilities.can(Ability.SET_EXPIRY)
    rows = rows_by_key(adapter)
    answers = adapter.set_expiry([rows[key].seen for key in moments], list(moments.values()))
    assert [answer.id for answer in answers] == [rows[key].id for key in moments]
    return dict(zip(moments, answers, strict=True))


def check_set(adapter: Adapter, moments: dict[str, float], within: float = 0.001) -> None:
    """They are set, listed as answered, not earlier than asked for, and nothing else of any entry changes."""
    before = rows_by_key(adapter)
    answers = set_to(adapter, moments)
    after = rows_by_key(adapter)
    for key, moment in moments.items():
        assert answers[key].fate is Renewed.SET, answers[key]
        expires = after[key].expires
        assert expires is not None
        if math.isinf(moment):
            assert expires == answers[key].expires == moment
        else:
            assert abs(expires - answers[key].expires) < 0.001
            assert -0.001 <= expires - moment <= within
    for key, row in before.items():
        then = after[key]
        if key not in moments:
            assert then.columns() == row.columns()
        else:
            assert (then.namespace, then.type, then.tags, then.created, then.hits) == (
                row.namespace, row.type, row.tags, row.created, row.hits,
            )  # fmt: skip


def check_stays_where_changed(
    adapter: Adapter, changed: str, gone: str, change: Callable[[], None], moment: float
) -> None:
    """What the application rewrites or deletes after it was seen keeps what that left."""
    rows = rows_by_key(adapter)
    change()
    assert isinstance(adapter, SetsExpiry)
    now = rows_by_key(adapter)
    answers = adapter.set_expiry([rows[changed].seen, rows[gone].seen], [moment, moment])
    assert [answer.fate for answer in answers] == [Renewed.CHANGED, Renewed.GONE]
    assert rows_by_key(adapter) == now
