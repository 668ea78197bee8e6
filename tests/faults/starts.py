"""What a process of ours does in a fault loop: begin an action, or start again and see what became of everything.

Both use the services as the commands do, with a home of their own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

from stakes import Stake

from cache_studio.adapters import file_copies, json_entries
from cache_studio.adapters.asset_cache import leftovers
from cache_studio.config.paths import HOME_VARIABLE
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.proposals import parse
from cache_studio.services.studio import Studio, sentence

PATIENCE = 60.0
"""Seconds after which anything has hung."""
BY = "fault loop"


@dataclass
class Finding:
    """What a new start found; every list is empty where all is well."""

    lost: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    restored: int = 0

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.corrupt or self.twice or self.left)


@contextmanager
def attached(home: Path, stake: Stake) -> Iterator[tuple[Studio, Attachment]]:
    """A studio with the cache attached and completely listed; recovery is done then."""
    os.environ[HOME_VARIABLE] = str(home)
    studio = Studio(follow=False)
    try:
        attachment = studio.attach(studio.place_of(parse(stake.target or stake.wanted)))
        attachment.listed().result(PATIENCE)
        yield studio, attachment
    finally:
        studio.close()


def decide(home: Path, stake: Stake) -> str:
    """The target with format and options, as attaching it for the first time decides."""
    os.environ[HOME_VARIABLE] = str(home)
    studio = Studio(follow=False)
    try:
        return str(studio.resolve(stake.wanted).target)
    finally:
        studio.close()


def begin(home: Path, stake: Stake, verb: str, ready: Connection) -> None:
    """Say "begun", do one action, say "done" and wait to be killed."""
    let_litter_grow_old()
    with attached(home, stake) as (studio, attachment):
        act_now = ACTIONS[verb](studio, attachment)
        ready.send("begun")
        act_now()
        ready.send("done")
        Event().wait(PATIENCE)


def let_litter_grow_old() -> None:
    """`compact` waits for minutes before a hidden file belongs to nobody; here they have passed."""
    file_copies.ABANDONED = leftovers.ABANDONED = json_entries.LEFTOVER = -1.0  # type: ignore[attr-defined]


def _removing(make: Callable[[Attachment], plans.Plan]) -> Callable[[Studio, Attachment], Callable[[], object]]:
    def prepare(studio: Studio, attachment: Attachment) -> Callable[[], object]:
        plan = make(attachment)
        return lambda: act.run(attachment, plan, studio.trash, BY).future.result(PATIENCE)

    return prepare


def _undoing(studio: Studio, attachment: Attachment) -> Callable[[], object]:
    plan = plans.plan_clear(attachment, None, time.time())
    act.run(attachment, plan, studio.trash, BY).future.result(PATIENCE)
    action = act.find_action(studio.trash)
    return lambda: act.undo(attachment, action, studio.trash).future.result(PATIENCE)


def _compacting(studio: Studio, attachment: Attachment) -> Callable[[], object]:
    return lambda: act.compact(attachment, studio.trash, BY).future.result(PATIENCE)


def _plan_half(attachment: Attachment) -> plans.Plan:
    view = attachment.standing.view
    assert view is not None
    ids = [view.ids[row] for row in range(view.n) if view.alive[row]]
    return plans.plan_invalidate_ids(attachment, ids[::2], time.time())


ACTIONS: Mapping[str, Callable[[Studio, Attachment], Callable[[], object]]] = {
    "purge": _removing(lambda attachment: plans.plan_purge(attachment, time.time())),
    "evict": _removing(lambda attachment: plans.plan_evict(attachment, "size", time.time(), to_entries=50)),
    "clear": _removing(lambda attachment: plans.plan_clear(attachment, None, time.time())),
    "invalidate": _removing(_plan_half),
    "undo": _undoing,
    "compact": _compacting,
}


def start_again(home: Path, stake: Stake, expected: Mapping[str, object], answer: Connection) -> None:
    """Start the studio, let it recover, bring everything back, and send a `Finding`."""
    let_litter_grow_old()
    finding = Finding()
    try:
        with attached(home, stake) as (studio, attachment):
            _look(studio, stake, expected, finding)
            attachment.refresh()  # to look was to open it as its application does
            attachment.listed().result(PATIENCE)
            _bring_back(studio, attachment, finding)
            _compare(stake, expected, finding)
            _tidy(home, studio, attachment, stake, finding)
    except Exception as error:  # whatever it is, the cache cannot be used after the kill: that is the finding
        finding.corrupt.append(f"start failed: {type(error).__name__}: {sentence(error)}")
    answer.send(finding)


def _look(studio: Studio, stake: Stake, expected: Mapping[str, object], finding: Finding) -> None:
    """Before anything is undone: each entry is in the cache or in the trash, in one of them."""
    finding.corrupt += studio.notices
    finding.left += [f"open action {action.id}" for action in studio.trash.unsettled()]
    stored = stake.entries()
    finding.corrupt += [f"{name} differs" for name in stored if name in expected and stored[name] != expected[name]]
    waiting, _ = studio.trash.usage()
    whole = sum(name in expected for name in stored)
    if whole + waiting != len(expected):
        found = f"{whole} stored and {waiting} in the trash of {len(expected)}"
        (finding.twice if whole + waiting > len(expected) else finding.lost).append(found)


def _bring_back(studio: Studio, attachment: Attachment, finding: Finding) -> None:
    for action in studio.trash.actions():
        if action.waiting:
            outcome = act.undo(attachment, action, studio.trash).future.result(PATIENCE)
            finding.restored += outcome.restored
            if outcome.failed or outcome.newer_kept:
                finding.lost.append(f"undo: {outcome}")


def _compare(stake: Stake, expected: Mapping[str, object], finding: Finding) -> None:
    stored = stake.entries()
    finding.lost += [name for name in expected if name not in stored]
    finding.twice += [name for name in stored if name not in expected]
    finding.corrupt += [f"{name} is another" for name in stored if stored[name] != expected.get(name, stored[name])]
    finding.corrupt += stake.damage()


def _tidy(home: Path, studio: Studio, attachment: Attachment, stake: Stake, finding: Finding) -> None:
    if "compact" in stake.verbs:
        act.compact(attachment, studio.trash, BY).future.result(PATIENCE)
    studio.trash.enforce_retention(30, 10**10, time.time() + 2 * 86_400)
    finding.left += stake.leftovers()
    trash = home / "data" / "trash"
    finding.left += [str(path.relative_to(trash)) for path in (trash / "files").rglob("*") if path.is_file()]
    finding.left += [f"claim {path.name}" for path in (trash / "claims").iterdir()]
