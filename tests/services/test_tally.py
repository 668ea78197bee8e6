"""Adding up what became of entries, and the words for it."""

from enum import StrEnum
from typing import NamedTuple

from cache_studio.services.tally import Tally


class Done(StrEnum):
    """Fates of a test."""

    YES = "yes"
    NO = "no"


class Answered(NamedTuple):
    """What an adapter answers."""

    fate: Done
    reason: str = ""


def test_a_reason_is_told_once_and_what_was_not_reached_has_failed() -> None:
    tally = Tally(5, Done.YES, Done.NO)
    tally.add([Answered(Done.YES), Answered(Done.NO, "no room"), Answered(Done.NO, "no room")])
    tally.give_up("The connection broke.")
    assert tally.fates == {Done.YES: 1, Done.NO: 4}
    assert tally.reasons == ("no room", "The connection broke.")


def test_what_a_cut_batch_did_counts_as_done_and_no_longer_as_failed() -> None:
    tally = Tally(5, Done.YES, Done.NO)
    tally.add([Answered(Done.YES)])
    tally.give_up("The connection broke.")
    tally.settle(3)
    assert tally.fates == {Done.YES: 3, Done.NO: 2}
    tally.settle(1)  # less than was answered is no news
    assert tally.fates == {Done.YES: 3, Done.NO: 2}
