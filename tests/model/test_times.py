import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_studio.model.times import format_iso, looks_like_times, parse_time

MOMENT = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "unit", "zone"),
    [
        (MOMENT, "auto", "local"),
        (MOMENT * 1000, "auto", "local"),
        (str(int(MOMENT)), "auto", "local"),
        (MOMENT * 1000, "milliseconds", "local"),
        ("2027-01-15T08:00:00Z", "auto", "local"),
        ("2027-01-15T09:00:00+01:00", "seconds", "local"),
        ("2027-01-15 08:00:00", "iso", "utc"),
        (" 2027-01-15T08:00:00.000 ", "auto", "utc"),
    ],
)
def test_every_way_to_write_a_moment_is_the_same_moment(value, unit, zone):
    assert parse_time(value, unit, zone) == MOMENT


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", [], {}, 10**400, "1e999", float("inf"), "nan", -1e15, "0000-01-01", b"2027"]
)
def test_what_is_no_moment_is_unknown(value):
    assert math.isnan(parse_time(value))


def test_seconds_are_not_taken_for_milliseconds_when_the_unit_is_named():
    assert parse_time(2e11, "seconds") == 2e11


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (MOMENT, "2027-01-15T08:00:00Z"),
        (MOMENT + 0.25, "2027-01-15T08:00:00.250Z"),
        (None, None),
        (math.nan, None),
        (math.inf, None),
        (-1e11, None),
        (1e15, None),
    ],
)
def test_writes_iso_with_z(moment, text):
    assert format_iso(moment) == text


@given(st.floats())
def test_any_number_is_written_or_not_known(moment):
    text = format_iso(moment)
    assert text is None or abs(parse_time(text) - moment) < 1


def test_guesses_times_only_where_all_of_them_are_plausible():
    assert looks_like_times([MOMENT, MOMENT - 5], MOMENT)
    assert not looks_like_times([MOMENT, 17], MOMENT)
    assert not looks_like_times([], MOMENT)
