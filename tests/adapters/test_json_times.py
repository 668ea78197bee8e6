"""A moment in JSON is told from bytes wherever a closer look would find one."""

import json
import time

import pytest

from cache_studio.adapters.json_times import may_hold_times
from cache_studio.adapters.mapping import ROLES, guess_roles

NOW = time.time()
SPELLINGS = (str, str.upper, str.title, lambda name: name.replace("_", "-"), lambda name: f"_{name}$")
VALUES = (1_700_000_000, 1_700_000_000_000, 1_700_000_000.25, "1700000000", "2023-11-14 22:13:20", "20231114T221320Z")
FORMS = ({}, {"indent": 2}, {"separators": (",", ":")}, {"separators": (" ,", "\n\t:  ")})


@pytest.mark.parametrize("name", [name for role in ROLES if role.is_time for name in role.names])
def test_every_usual_name_is_seen_in_every_spelling(name: str) -> None:
    for spelling in SPELLINGS:
        for value in VALUES:
            entry = {"a": {"b": 1}, spelling(name): value}
            assert {"created", "accessed", "expires"} & set(guess_roles([entry], NOW)), entry
            assert all(may_hold_times(json.dumps({"k": entry}, **form).encode()) for form in FORMS), entry


@pytest.mark.parametrize(
    "entry",
    [
        {"created": {"type": "timestamp"}}, {"expires": "never"}, {"date": None}, {"time": 30}, {"ts": True},
        {"updated": "2023-11-14", "up_time": 1_700_000_000}, {"words": '"created" 2023'}, {"created": [2023]},
    ],
)  # fmt: skip
def test_a_name_or_digits_alone_are_no_time(entry: dict[str, object]) -> None:
    assert guess_roles([entry], NOW).keys() & {"created", "accessed", "expires"} == set()
    assert not may_hold_times(json.dumps(entry).encode())
