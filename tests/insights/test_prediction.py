"""What comes next, by hand-computed examples and by traces whose pattern is known."""

import random

import pytest

from cache_studio.insights.prediction import (
    DAY,
    BackTest,
    Pauses,
    back_test,
    is_regular,
    is_worth_prefetch,
    likely_keys,
    next_regular,
    regular_keys,
)

MINUTE, HOUR = 60.0, 3600.0


def poller(seconds: float, until: float, jitter: float = 0.0, seed: int = 1, start: float = 0.0) -> list[float]:
    chance, at, times = random.Random(seed), start, []
    while at < until:
        times.append(at)
        at += seconds * (1 + chance.uniform(-jitter, jitter))
    return times


def poisson(mean: float, until: float, seed: int) -> list[float]:
    chance, at, times = random.Random(seed), 0.0, []
    while (at := at + chance.expovariate(1 / mean)) < until:
        times.append(at)
    return times


def test_the_next_access_is_the_last_and_the_mean_interval() -> None:
    # intervals 90 and 110: mean 100, std 10
    assert next_regular([0.0, 90.0, 200.0], 210.0) == 300.0
    # intervals 100 and 300: mean 200, std 100, just steady; 100 and 301 is not
    assert next_regular([0.0, 100.0, 400.0], 400.0) == 600.0
    assert next_regular([0.0, 100.0, 401.0], 401.0) is None


def test_two_accesses_or_those_of_yesterday_say_nothing() -> None:
    assert next_regular([], 0.0) is None
    assert next_regular([0.0, 100.0], 150.0) is None
    assert next_regular([0.0, 100.0, 200.0], DAY - 1) == 300.0
    assert next_regular([0.0, 100.0, 200.0], DAY) is None
    assert next_regular([5.0, 5.0, 5.0], 6.0) is None


def test_accesses_after_now_are_not_known_yet() -> None:
    assert next_regular([0.0, 100.0, 200.0, 300.0], 250.0) == 300.0
    assert next_regular([0.0, 100.0, 200.0], 150.0) is None


def test_an_overdue_key_has_no_badge_and_may_be_prefetched_for_ten_minutes() -> None:
    hourly = [0.0, HOUR, 2 * HOUR]  # next at 3 h
    for now, badge, prefetch in [
        (3 * HOUR - 601, False, False),
        (3 * HOUR - 600, True, False),
        (3 * HOUR - 599, True, True),
        (3 * HOUR, True, True),
        (3 * HOUR + 1, False, True),
        (3 * HOUR + 600, False, False),
    ]:
        assert (is_regular(hourly, now), is_worth_prefetch(hourly, now)) == (badge, prefetch)


def test_the_probability_is_that_of_pauses_as_long_as_this_one() -> None:
    times = [0.0, 10.0, 30.0, 60.0]  # pauses 10, 20, 30
    pauses = Pauses({"a": times, "b": [0.0, 50.0]})
    # paused 15: two own are longer (20, 30), one ends by 25; of all three (20, 30, 50) one does
    assert pauses.probability(times, 75.0, 10.0) == pytest.approx((1 + 1 / 3) / (2 + 2))
    # paused 40: none of its own is longer; of all one is (50), and it ends by 60
    assert pauses.probability(times, 100.0, 20.0) == pytest.approx((0 + 1) / (0 + 2))
    # paused 100: nobody ever paused so long
    assert pauses.probability(times, 160.0, 600.0) == 0.0
    assert pauses.probability([], 160.0, 600.0) == 0.0


def test_a_back_test_by_hand() -> None:
    asked: list[float] = []

    def always_a(known: object, now: float, horizon: float) -> list[str]:
        asked.append(now)
        return ["a"]

    accesses = [("b", 13.0), ("a", 0.0), ("a", 12.0), ("b", 4.0), ("new", 25.0), ("a", 38.0)]
    # windows (0, 10]: b comes, not known; (10, 20]: a and b; (20, 30]: only a stranger; (30, 38] is cut short
    assert back_test(accesses, always_a, 10.0) == BackTest(predicted=3, came=1, missed=1)
    assert asked == [0.0, 10.0, 20.0]


def test_a_rule_sees_only_the_day_before() -> None:
    seen: list[dict[str, list[float]]] = []

    def look(known: dict[str, list[float]], now: float, horizon: float) -> list[str]:
        assert all(now - DAY < at <= now for times in known.values() for at in times)
        seen.append(known)
        return []

    back_test([("a", 0.0), ("b", DAY - 1), ("c", 10 * DAY), ("c", 10 * DAY + HOUR)], look, HOUR)
    assert seen[0] == {"a": [0.0]}
    assert {"c": [10 * DAY]} in seen
    assert len(seen) < 60  # days without any access are passed over


def test_nothing_is_known_without_data() -> None:
    empty = back_test([], regular_keys)
    assert (empty.precision, empty.recall, empty.trustworthy) == (None, None, False)
    assert BackTest(19, 19, 0).trustworthy is False
    assert BackTest(20, 12, 0).trustworthy is True
    assert BackTest(20, 11, 0).trustworthy is False


@pytest.mark.parametrize("rule", [regular_keys, likely_keys])
def test_pollers_with_jitter_are_found(rule) -> None:
    log = [(key, at) for key in range(10) for at in poller(15 * MINUTE, DAY, 0.1, key, key * 71.0)]
    found = back_test(log, rule)
    assert found.trustworthy
    assert found.precision is not None
    assert found.precision > 0.75
    assert found.recall is not None
    assert found.recall > 0.6


def test_a_poller_that_stopped_is_flagged_no_more() -> None:
    times = poller(15 * MINUTE, 6 * HOUR, 0.1)
    after = times[-1] + 40 * MINUTE
    assert not is_regular(times, after)
    assert not is_worth_prefetch(times, after)
    assert likely_keys({"stopped": times}, after, 600.0) == []


def test_without_a_pattern_the_rule_of_intervals_says_nearly_nothing() -> None:
    log = [(key, at) for key in range(20) for at in poisson(2 * HOUR, DAY, key)]
    found = back_test(log, regular_keys)
    assert not found.trustworthy
    assert found.recall is not None
    assert found.recall < 0.1
