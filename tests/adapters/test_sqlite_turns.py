"""Who waits for a lock looks now and then only: a rest is long enough that a look falls into it."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from cache_studio.adapters.sqlite_turns import LATE, LOOKS, rest_after

LONGEST = sum(LOOKS)


@given(
    st.floats(0.000_1, LONGEST),
    st.floats(0, 1, exclude_max=True),
    st.lists(st.floats(1, LATE), min_size=len(LOOKS), max_size=len(LOOKS)),
)
def test_whoever_comes_during_a_lock_has_its_turn_after_it(locked: float, came: float, late: list[float]) -> None:
    looks = [came * locked + moment for moment in accumulate(pause * by for pause, by in zip(LOOKS, late, strict=True))]
    rest = rest_after(locked)
    assert any(locked <= look <= locked + rest for look in looks)


def test_a_short_lock_rests_shortly() -> None:
    assert rest_after(0.000_5) < 0.002
    assert rest_after(0.002_5) < 0.003
    assert rest_after(10.0) < 0.04
