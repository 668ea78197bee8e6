import math

import pytest

from cache_studio.model.errors import BadRequest
from cache_studio.model.options import Option, OptionKind, read_options

DECLARED = (
    Option("ttl", OptionKind.DURATION, "TTL", "", "24h"),
    Option("limit", OptionKind.SIZE, "Limit", ""),
    Option("db", OptionKind.NUMBER, "Database", ""),
    Option("zone", OptionKind.CHOICE, "Zone", "", "local", ("local", "utc")),
    Option("key", OptionKind.NAME, "Key", ""),
)


def test_reads_what_is_given_and_the_defaults():
    read = read_options(DECLARED, {"limit": "5mb", "db": "3", "key": "id"})
    assert read == {"ttl": 86_400.0, "limit": 5_000_000, "db": 3.0, "zone": "local", "key": "id"}


def test_none_is_a_ttl_without_end_and_empty_is_not_set():
    assert read_options(DECLARED, {"ttl": "none"})["ttl"] == math.inf
    assert read_options(DECLARED, {"ttl": ""})["ttl"] is None


@pytest.mark.parametrize(
    "given", [{"ttl": "soon"}, {"limit": "5 apples"}, {"db": "one"}, {"db": "nan"}, {"zone": "mars"}, {"nope": "1"}]
)
def test_a_wrong_option_is_named(given):
    with pytest.raises(BadRequest, match=next(iter(given))) as caught:
        read_options(DECLARED, given)
    assert caught.value.hint
