import math
import time

import pytest
from patience import PATIENCE

from cache_studio.services.agenda import MOST_NAMES, POLL_EVERY, POLL_RARELY, SETTLE, Agenda, Step


@pytest.fixture
def settled():
    agenda = Agenda(60.0)
    agenda.scan_begins()
    agenda.scan_ended(0.0)
    agenda.sampled()
    return agenda


def test_begins_with_a_listing_then_samples_then_rests():
    agenda = Agenda(60.0)
    assert agenda.next(False) is Step.SCAN
    agenda.scan_begins()
    agenda.scan_ended(0.0)
    assert agenda.next(False) is Step.SAMPLE
    agenda.sampled()
    assert agenda.next(False) is Step.NOTHING
    assert 50 < agenda.delay(False) <= 60


def test_a_command_samples_once(settled):
    agenda = Agenda(math.inf)
    agenda.scan_begins()
    agenda.scan_ended(0.0)
    agenda.polled = True
    assert agenda.next(False) is Step.SAMPLE
    agenda.sampled()
    assert agenda.next(False) is Step.NOTHING
    assert agenda.delay(False) is None


def test_named_changes_are_applied_and_forgotten(settled):
    settled.note(["a"])
    settled.note(["b"])
    assert settled.next(False) is Step.CHANGES
    assert settled.take_names() == {"a", "b"}
    assert settled.next(False) is Step.NOTHING


def test_unnamed_changes_wait_until_the_last_listing_is_paid_for(settled):
    settled.scan_ended(100.0)
    settled.note(None)
    settled.note(["a"])
    assert settled.next(False) is Step.NOTHING
    assert settled.delay(False) > SETTLE
    settled.scan_ended(0.0)
    assert 0 < settled.delay(False) <= SETTLE
    deadline = time.monotonic() + PATIENCE
    while settled.next(False) is not Step.SCAN:
        assert time.monotonic() < deadline


def test_paused_nothing_happens_unless_asked(settled):
    settled.note(["a"])
    assert settled.next(True) is Step.NOTHING
    assert settled.delay(True) is None
    settled.refresh()
    assert settled.next(True) is Step.SCAN
    settled.scan_begins()
    assert settled.next(False) is not Step.CHANGES


def test_what_is_asked_during_a_listing_comes_after_it(settled):
    settled.refresh()
    settled.scan_begins()
    settled.refresh()
    settled.scan_ended(0.0)
    assert settled.next(False) is Step.SCAN


def test_a_polled_cache_is_listed_as_often_as_it_is_told_to_and_at_once_when_changes_were_lost():
    agenda = Agenda(60.0)
    agenda.polled = True
    agenda.scan_begins()
    agenda.scan_ended(0.0)
    agenda.sampled()
    assert 1 < agenda.delay(False) <= POLL_EVERY
    agenda.poll_every = POLL_RARELY
    assert POLL_EVERY < agenda.delay(False) <= POLL_RARELY
    agenda.note(None)
    assert agenda.delay(False) <= SETTLE


def test_too_many_changed_names_are_everything(settled):
    settled.note(map(str, range(MOST_NAMES + 1)))
    assert settled.take_names() == set()
    assert settled.delay(False) <= SETTLE
