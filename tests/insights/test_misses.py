"""Why lookups find nothing: each reason on its own, and any story of keys against one that remembers everything."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_studio.insights import misses
from cache_studio.insights.misses import LONGEST_FILL, MissLedger, Reason

KEYS = ("a", "b", "c")


def told(*events: tuple[str, str]) -> list[Reason]:
    """The reasons of the misses in a story of (event, key), a second between two of them."""
    ledger = MissLedger(0.0)
    reasons = [ledger.hear(event, key, float(at)) for at, (event, key) in enumerate(events)]
    return [reason for reason in reasons if reason is not None]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("expired", Reason.EXPIRED),
        ("evicted", Reason.EVICTED),
        ("del", Reason.DELETED),
        ("rename_from", Reason.DELETED),
        ("move_from", Reason.DELETED),
    ],
)
def test_what_took_the_key_away_is_the_reason_until_it_is_stored_again(event: str, reason: Reason) -> None:
    story = [("set", "k"), ("expire", "k"), (event, "k"), ("keymiss", "k"), ("keymiss", "k"), ("set", "k")]
    assert told(*story, ("del", "k"), ("keymiss", "k")) == [reason, reason, Reason.DELETED]


def test_what_was_never_stored_is_cold_each_time() -> None:
    assert told(("keymiss", "k"), ("keymiss", "k")) == [Reason.COLD, Reason.COLD]


def test_what_went_without_an_event_is_unknown() -> None:
    assert told(("set", "k"), ("keymiss", "k"), ("keymiss", "k")) == [Reason.UNKNOWN, Reason.UNKNOWN]


def test_a_replica_says_nothing_of_what_expired() -> None:
    ledger = MissLedger(0.0)
    ledger.hear("set", "k", 1.0)
    ledger.learn("k", 5.0, 1)
    assert ledger.hear("keymiss", "k", 5.0) is Reason.EXPIRED


def test_what_was_evicted_and_would_have_expired_since_is_its_own_class() -> None:
    ledger = MissLedger(0.0)
    ledger.hear("set", "k", 1.0)
    ledger.learn("k", 10.0, 1)
    ledger.hear("evicted", "k", 2.0)
    assert ledger.hear("keymiss", "k", 9.0) is Reason.EVICTED
    assert ledger.hear("keymiss", "k", 10.0) is Reason.EVICTED_PAST


def test_an_expiry_that_is_older_than_the_last_event_is_not_believed() -> None:
    ledger = MissLedger(0.0)
    ledger.hear("set", "k", 1.0)
    as_of = ledger.heard
    ledger.hear("set", "k", 2.0)
    ledger.learn("k", 3.0, as_of)
    ledger.hear("evicted", "k", 2.5)
    assert ledger.hear("keymiss", "k", 9.0) is Reason.EVICTED


def test_after_a_gap_only_what_was_heard_since_is_known() -> None:
    ledger = MissLedger(0.0)
    ledger.hear("set", "k", 1.0)
    ledger.hear("expired", "k", 2.0)
    ledger.gap()
    assert ledger.hear("keymiss", "k", 3.0) is Reason.UNKNOWN
    assert ledger.hear("keymiss", "never heard of", 3.0) is Reason.UNKNOWN
    ledger.hear("set", "k", 4.0)
    ledger.hear("del", "k", 5.0)
    assert ledger.hear("keymiss", "k", 6.0) is Reason.DELETED


def test_memory_has_a_limit_and_what_was_forgotten_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(misses, "MOST_COUNTED", 10)
    ledger = MissLedger(0.0, most_keys=50)
    for number in range(200):
        ledger.hear("keymiss", f"k{number}", 1.0)
    assert len(ledger._known) == 50
    assert len(ledger._keys) <= 10
    ledger.learn("another", 5.0, ledger.heard)
    assert len(ledger._known) == 50
    counts = ledger.figures().by_reason
    assert (counts[Reason.COLD], counts[Reason.UNKNOWN]) == (51, 149)


def test_the_keys_that_are_missed_most_often() -> None:
    ledger = MissLedger(7.0)
    for key, count in (("a", 2), ("b", 5), ("c", 1)):
        for _ in range(count):
            ledger.hear("keymiss", key, 8.0)
    found = ledger.figures(2)
    assert [(row.key, row.misses, row.reason) for row in found.keys] == [("b", 5, Reason.COLD), ("a", 2, Reason.COLD)]
    assert (found.misses, found.since, found.seconds_per_miss) == (8, 7.0, None)


def test_seconds_from_the_first_miss_to_the_value() -> None:
    ledger = MissLedger(0.0)
    for key, asked, stored in (("a", 1.0, 1.5), ("b", 2.0, 4.0), ("c", 5.0, 5.0 + LONGEST_FILL + 1)):
        ledger.hear("keymiss", key, asked)
        ledger.hear("keymiss", key, asked + 0.1)
        ledger.hear("expire", key, asked + 0.2)  # no value
        ledger.hear("hset", key, stored)
        ledger.hear("set", key, stored + 0.1)  # a second value answers no miss
    found = ledger.figures()
    assert (found.seconds_per_miss, found.fills) == (pytest.approx(1.25), 2)


def test_a_miss_that_nobody_answered_is_not_waited_for() -> None:
    ledger = MissLedger(0.0)
    ledger.hear("keymiss", "k", 0.0)
    ledger.hear("keymiss", "k", LONGEST_FILL + 10)
    ledger.hear("set", "k", LONGEST_FILL + 12)
    assert ledger.figures().seconds_per_miss == pytest.approx(2.0)


@dataclass
class Witness:
    """One that keeps every event and looks for the reason in them."""

    events: list[tuple[str, str]] = field(default_factory=list)
    expiries: dict[str, float] = field(default_factory=dict)

    def reason(self, key: str, at: float) -> Reason:
        """Of a miss now: what the last event that says anything of the key says."""
        for event, named in reversed(self.events):
            if event == "gap":
                return Reason.UNKNOWN
            if named != key or event == "keymiss":
                continue
            past = self.expiries.get(key, math.nan) <= at
            match event:
                case "del":
                    return Reason.DELETED
                case "expired":
                    return Reason.EXPIRED
                case "evicted":
                    return Reason.EVICTED_PAST if past else Reason.EVICTED
                case _:
                    return Reason.EXPIRED if past else Reason.UNKNOWN
        return Reason.COLD


EVENTS = ["set", "del", "expired", "evicted", "keymiss", "learn", "gap"]
STEPS = st.tuples(st.sampled_from(EVENTS), st.sampled_from(KEYS))


@given(st.lists(st.tuples(STEPS, st.integers(0, 5)), max_size=40))
def test_any_story_has_the_reasons_that_its_events_give(story: list[tuple[tuple[str, str], int]]) -> None:
    ledger, witness, counted = MissLedger(0.0), Witness(), dict.fromkeys(Reason, 0)
    for at, ((event, key), ttl) in enumerate(story):
        match event:
            case "gap":
                ledger.gap()
                witness.events.append(("gap", ""))
                witness.expiries.clear()
                continue
            case "learn":
                last = next((e for e, of in reversed(witness.events) if of in (key, "") and e != "keymiss"), "")
                if last == "set":
                    ledger.learn(key, float(at + ttl), ledger.heard)
                    witness.expiries[key] = float(at + ttl)
                continue
            case "set":
                witness.expiries.pop(key, None)
            case "keymiss":
                expected = witness.reason(key, at)
                assert ledger.hear(event, key, float(at)) is expected
                counted[expected] += 1
                witness.events.append((event, key))
                continue
        ledger.hear(event, key, float(at))
        witness.events.append((event, key))
    assert ledger.figures().by_reason == counted
