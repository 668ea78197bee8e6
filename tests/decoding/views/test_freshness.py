"""RFC 9111, section 4.2: each rule with headers of its own, and headers that mean nothing."""

import math

import pytest

from cache_studio.decoding.views.freshness import FRESH, STALE, UNKNOWN, VALIDATE, Freshness, freshness_at, validity_of

DATE = 1_795_248_000.0
"""Sat, 21 Nov 2026 08:00:00 GMT."""
NOTHING = math.nan


def at(now: float, received: float = NOTHING, **headers: str) -> Freshness:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return freshness_at(validity_of(named, received), now)


DATED = {"Date": "Sat, 21 Nov 2026 08:00:00 GMT"}


def test_a_response_is_as_old_as_its_date_where_nobody_says_when_it_came() -> None:
    found = at(DATE + 100, **DATED, Cache_Control="max-age=600")
    assert (found.state, found.age, found.lifetime, found.left, found.by) == (FRESH, 100, 600, 500, "max-age")


def test_the_age_it_came_with_counts_from_when_it_was_stored() -> None:
    found = at(DATE + 105, DATE + 5, **DATED, Age="30", Cache_Control="max-age=600")
    assert found.age == 130  # 30 s on arrival, which is more than the 5 s between Date and storing
    assert at(DATE + 105, DATE + 50, **DATED, Age="30").age == 105  # the 50 s are more


def test_without_a_date_it_is_as_old_as_it_was_stored() -> None:
    assert at(DATE + 7, DATE, Cache_Control="max-age=10").left == 3


@pytest.mark.parametrize("headers", [{}, {"Age": "30"}, {"Cache_Control": "max-age=60"}])
def test_no_age_without_date_and_time_of_storing(headers: dict[str, str]) -> None:
    found = at(DATE, **headers)
    assert math.isnan(found.age)
    assert found.state == UNKNOWN


def test_clocks_that_disagree_make_no_negative_age() -> None:
    assert at(DATE - 500, **DATED, Cache_Control="max-age=60").age == 0
    assert at(DATE - 500, DATE, **DATED).age == 0
    assert at(DATE, DATE - 1000, **DATED).age == 1000  # a Date in the future of its storing is not subtracted


def test_max_age_wins_over_expires_and_expires_counts_from_the_date() -> None:
    expires = "Sat, 21 Nov 2026 08:10:00 GMT"
    assert at(DATE, **DATED, Expires=expires, Cache_Control="max-age=5").lifetime == 5
    found = at(DATE + 601, **DATED, Expires=expires)
    assert (found.state, found.lifetime, found.by, found.left) == (STALE, 600, "Expires", -1)


def test_expires_without_any_other_time_is_a_moment() -> None:
    found = at(DATE + 60, Expires="Sat, 21 Nov 2026 08:10:00 GMT")
    assert (found.state, found.left, found.by) == (FRESH, 540, "Expires")
    both = at(DATE + 60, Expires="Sat, 21 Nov 2026 08:10:00 GMT", Cache_Control="max-age=600")
    assert (both.state, both.left, both.by) == (FRESH, 540, "Expires")  # Django writes both and no Date


@pytest.mark.parametrize("expires", ["0", "-1", "", "never", "Sat, 21 Nov 99999999 08:10:00 GMT", "9" * 5000])
def test_expires_that_is_no_date_is_past(expires: str) -> None:
    assert at(DATE, **DATED, Expires=expires).state == STALE


def test_no_lifetime_is_not_recorded_and_no_heuristic_is_used() -> None:
    found = at(DATE + 1, **DATED, Last_Modified="Sat, 21 Nov 2020 08:00:00 GMT")
    assert found.state == UNKNOWN
    assert math.isnan(found.lifetime)
    assert found.by == ""


@pytest.mark.parametrize("control", ["no-cache", "no-cache=Set-Cookie, max-age=60", "NO-CACHE", "max-age=60,no-cache"])
def test_no_cache_must_be_asked_about(control: str) -> None:
    assert at(DATE, **DATED, Cache_Control=control).state == VALIDATE


def test_shared_caches_have_a_lifetime_of_their_own() -> None:
    found = at(DATE + 100, **DATED, Cache_Control="max-age=50, s-maxage=300")
    assert (found.state, found.left, found.shared_left) == (STALE, -50, 200)


@pytest.mark.parametrize("control", ["max-age=ten", "max-age=-5", "max-age", "max-age=1.5", "max-age=\u0661"])
def test_a_lifetime_that_is_no_number_is_none(control: str) -> None:
    found = at(DATE, **DATED, Cache_Control=control)
    assert (found.state, found.lifetime) == (STALE, 0)


def test_long_numbers_are_for_ever_and_not_infinite() -> None:
    found = at(DATE, **DATED, Cache_Control=f"max-age={'9' * 4000}", Age="9" * 4000)
    assert (found.lifetime, found.age) == (2**31, 2**31)


def test_the_first_of_doubles_counts_and_quotes_are_taken_off() -> None:
    assert at(DATE, **DATED, Cache_Control='max-age="10", max-age=500').lifetime == 10
    named = (("Date", DATED["Date"]), ("cache-control", "max-age=7"), ("Cache-Control", "max-age=9, private"))
    validity = validity_of(named, NOTHING)
    assert (validity.max_age, validity.rules) == (7, ("private",))


def test_a_date_and_an_age_that_are_none_are_said() -> None:
    validity = validity_of((("Date", "yesterday"), ("Age", "-3")), NOTHING)
    assert math.isnan(validity.date)
    assert math.isnan(validity.age)
    assert validity.remarks == (
        "Date is no date and counts as not recorded.",
        "Age is no number of seconds and does not count.",
    )


def test_directives_of_a_hostile_length_are_read_in_one_go() -> None:
    control = 'x="' + "a" * 200_000 + '", ' + ",".join(f"d{number}=1" for number in range(50_000))
    assert at(DATE, **DATED, Cache_Control=control).state == UNKNOWN


def test_nan_and_infinity_as_the_time_of_storing_are_not_recorded() -> None:
    for moment in (math.nan, math.inf, -math.inf):
        assert math.isnan(validity_of((), moment).received)
