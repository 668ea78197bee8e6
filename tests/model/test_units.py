import pytest

from cache_studio.model.errors import BadRequest
from cache_studio.model.units import format_age, format_count, format_size, format_ttl, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"), [("512", 512), ("100kb", 100_000), ("1.5 MB", 1_500_000), (" 2 gb ", 2_000_000_000), ("0", 0)]
)
def test_reads_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("250ms", 0.25), ("24h", 86_400), ("7D", 604_800), ("1w", 604_800)]
)
def test_reads_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "kb", "1kib", "1 2", "0x10", "9" * 400, "nan", "inf", "1e5"])
def test_refuses_what_is_no_size(text):
    with pytest.raises(BadRequest) as caught:
        parse_size(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "not recorded"), (float("nan"), "not recorded"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"),
        (8_400, "8.4 kB"), (99_960, "100 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (2_500_000_000_000, "2.5 TB"),
    ],
)  # fmt: skip
def test_shows_sizes_with_a_thousand_as_the_step(size, text):
    assert format_size(size) == text


def test_shows_counts():
    assert format_count(1_234_567) == "1,234,567"
    assert format_count(float("nan")) == "not recorded"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h"), (172_800, "2 d"), (float("inf"), "not recorded")],
)
def test_shows_ages_in_one_unit(seconds, text):
    assert format_age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "not recorded"), (float("inf"), "forever"), (0, "stale 0 s"), (-7200, "stale 2 h"), (0.5, "0 s"),
        (2528, "42 min 08 s"), (65_520, "18 h 12 min"), (273_600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_shows_what_is_left_in_two_units(seconds, text):
    assert format_ttl(seconds) == text
