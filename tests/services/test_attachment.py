import threading
import time

import pytest
from patience import PATIENCE
from scripted import Script, ScriptedAdapter, place_of

from cache_studio.model.columns import ScanEnd
from cache_studio.model.errors import CacheUnavailable
from cache_studio.services import attachment as attachment_module
from cache_studio.services import gauge
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import News, Phase


class Listener:
    """Collects what is told and lets a test wait for it."""

    def __init__(self):
        self.heard = []
        self._changed = threading.Condition()

    def __call__(self, attachment, news):
        with self._changed:
            self.heard.append((news, attachment.standing.phase))
            self._changed.notify_all()

    def wait_for(self, condition, seconds=5):
        with self._changed:
            assert self._changed.wait_for(condition, seconds), self.heard


def keys_of(attachment):
    view = attachment.standing.view
    return {view.keys[row] for row in view.rows()}


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def start(script, request, listener):
    started = []

    def begin(**how):
        started.append(Attachment(place_of(script, request.node.name, **how), listener).start())
        return started[-1]

    yield begin
    assert all(attachment.close() for attachment in started)


def test_opens_lists_and_lives(start, script, listener):
    attachment = start(sample_every=60)
    standing = attachment.listed().result(5)
    assert (len(standing.view), standing.view.complete, standing.partial) == (6, True, "")
    assert standing.volume.volume == 21
    listener.wait_for(lambda: attachment.standing.phase is Phase.LIVE)
    phases = [phase for news, phase in listener.heard if news is News.PHASE]
    assert phases == [Phase.READING, Phase.LIVE]


def test_answers_between_two_batches_of_a_long_listing(start, script):
    halfway, go_on, batches = threading.Event(), threading.Event(), []
    script.entries = {str(number): b"v" for number in range(200)}

    def slowly(number):
        batches.append(number)
        if number == 3:
            halfway.set()
        if number >= 3:
            go_on.wait(0.05)

    script.before_batch = slowly
    attachment = start()
    assert halfway.wait(5)
    asked = len(batches)
    value, answered = attachment.call(lambda adapter: (adapter.read("7").pieces[0].data, len(batches))).result(5)
    assert value == b"v"
    assert answered <= asked + 1  # counted in batches: on a busy machine seconds say nothing
    go_on.set()
    assert len(attachment.listed().result(5).view) == 200


def test_closing_during_a_listing_ends_it_and_says_only_that(start, script, listener):
    reading = threading.Event()

    def hang(number):
        reading.set()
        script.interrupted.wait(PATIENCE)

    script.before_batch = hang
    attachment = start()
    waiting = attachment.listed()
    assert reading.wait(5)
    assert attachment.close()
    with pytest.raises(CacheUnavailable, match="detached"):
        waiting.result(0)
    assert script.closed == 1
    phases = [phase for news, phase in listener.heard if news is News.PHASE]
    assert phases == [Phase.READING, Phase.CLOSED]


def test_a_stopped_listing_is_partial_and_the_cache_stays_attached(start, script):
    reading = threading.Event()

    def hang(number):
        if number == 1 and script.scans == 1:
            reading.set()
            script.interrupted.wait(PATIENCE)

    script.before_batch = hang
    attachment = start()
    waiting = attachment.listed()
    assert reading.wait(5)
    attachment.interrupt()
    standing = waiting.result(5)
    assert "stopped" in standing.partial
    assert not standing.view.complete
    assert standing.phase is not Phase.UNREACHABLE
    attachment.refresh()
    assert attachment.listed().result(5).partial == ""


def test_a_listing_that_ends_early_says_why_and_removes_nothing(start, script):
    attachment = start()
    attachment.listed().result(5)
    script.entries = {"key 1": b"v"}
    script.end = ScanEnd(False, "The rest cannot be read.")
    attachment.refresh()
    standing = attachment.listed().result(5)
    assert standing.partial == "The rest cannot be read."
    assert len(standing.view) == 6


def test_unreachable_then_back_with_the_last_view_kept(start, script, listener, monkeypatch):
    attachment = start()
    attachment.listed().result(5)

    def refuse(*_):
        raise CacheUnavailable("The server is gone.", "Start it.")

    script.before_batch = script.before_open = refuse
    attachment.refresh()
    with pytest.raises(CacheUnavailable, match="gone"):
        attachment.listed().result(5)
    standing = attachment.standing
    assert standing.phase is Phase.UNREACHABLE
    assert standing.error.hint == "Start it."
    assert len(standing.view) == 6
    with pytest.raises(CacheUnavailable):
        attachment.call(lambda adapter: None).result(5)
    script.before_batch = script.before_open = lambda *_: None
    attachment.refresh()
    standing = attachment.listed().result(5)
    assert len(standing.view) == 6
    listener.wait_for(lambda: attachment.standing.phase is Phase.LIVE)
    assert attachment.standing.error is None


def test_tries_again_by_itself(start, script, monkeypatch):
    monkeypatch.setattr(attachment_module, "RETRY_EVERY", 0.01)
    tries = iter(range(10))

    def refuse_three_times():
        if next(tries) < 3:
            raise CacheUnavailable("Not yet.")

    script.before_open = refuse_three_times
    attachment = start()
    deadline = time.monotonic() + PATIENCE
    while attachment.standing.view is None and time.monotonic() < deadline:
        try:
            attachment.listed().result(5)
        except CacheUnavailable:
            continue
    assert len(attachment.standing.view) == 6


def test_a_fault_of_ours_reaches_who_waits_and_ends_nothing(start, script, expect_log):
    expect_log("failed")
    script.before_batch = lambda number: 1 / 0
    attachment = start()
    with pytest.raises(ZeroDivisionError):
        attachment.listed().result(5)
    assert attachment.standing.phase is Phase.UNREACHABLE
    assert "fault" in attachment.standing.error.message
    script.before_batch = lambda number: None
    attachment.refresh()
    assert len(attachment.listed().result(5).view) == 6


def test_paused_it_follows_nothing_but_a_refresh(start, script, listener):
    attachment = start(sample_every=60)
    attachment.listed().result(5)
    attachment.pause(True)
    listener.wait_for(lambda: attachment.standing.phase is Phase.PAUSED)
    script.entries["new"] = b"n"
    attachment.note_changes(["new"])
    attachment.call(lambda adapter: None).result(5)
    assert "new" not in keys_of(attachment)
    attachment.refresh()
    attachment.listed().result(5)
    assert "new" in keys_of(attachment)
    attachment.pause(False)
    listener.wait_for(lambda: attachment.standing.phase is Phase.LIVE)


def test_a_dear_volume_is_read_seldom_unless_asked_for(start, script, listener, monkeypatch):
    monkeypatch.setattr(gauge, "VOLUME_REST", 1e12)

    def samples():
        return sum(news is News.SAMPLE for news, _phase in listener.heard)

    attachment = start(sample_every=0.001)
    attachment.listed().result(5)
    listener.wait_for(lambda: samples() >= 1)
    before, seen = script.measured, samples()
    listener.wait_for(lambda: samples() >= seen + 5)
    assert script.measured == before
    attachment.refresh()
    attachment.listed().result(5)
    assert script.measured == before + 1


def test_changes_by_name_need_no_new_listing(start, script, listener):
    attachment = start(sample_every=60)
    attachment.listed().result(5)
    script.entries["new"] = b"n"
    del script.entries["key 1"]
    attachment.note_changes(["new", "key 1"])
    listener.wait_for(lambda: keys_of(attachment) == set(script.entries))
    assert script.scans == 1
    script.entries["other"] = b"o"
    attachment.note_changes(["?"])
    listener.wait_for(lambda: "other" in keys_of(attachment))
    assert script.scans == 2


def test_rows_keep_their_number_when_entries_change(start, script):
    attachment = start()
    before = attachment.listed().result(5).view
    second, third = before.row_of("key 2"), before.row_of("key 3")
    script.entries["key 3"] = b"other"
    attachment.refresh()
    after = attachment.listed().result(5).view
    assert after.epoch == before.epoch
    assert after.row_of("key 2") == second
    assert after.row_of("key 3") != third
    assert before.keys[third] == "key 3"
    assert (before.alive[third], after.alive[third]) == (True, False)


def test_what_is_wanted_is_filled_first_and_only_what_is_pending(start, script, monkeypatch):
    monkeypatch.setattr(attachment_module, "FILL_AT_ONCE", 2)
    script.pending = ("size",)
    script.before_open = lambda: None
    filled = script.filled
    wanted = threading.Event()
    real_fill = ScriptedAdapter.fill

    def fill(adapter, ids):
        if not filled:
            wanted.wait(5)
        return real_fill(adapter, ids)

    monkeypatch.setattr(ScriptedAdapter, "fill", fill)
    attachment = start()
    while attachment.standing.view is None or len(attachment.standing.view) < 6:
        pass
    attachment.want(["key 6", "no such entry"])
    wanted.set()
    standing = attachment.listed().result(5)
    assert filled[1] == ["key 6"]
    assert sorted(key for keys in filled for key in keys) == sorted(script.entries)
    assert not standing.view.pending.any()
    attachment.want(["key 1"])
    attachment.call(lambda adapter: None).result(5)
    assert attachment.standing.phase is not Phase.UNREACHABLE
    assert len(filled) == 4


def test_read_only_is_kept_below_the_window(start):
    attachment = start(writable=False)
    attachment.listed().result(5)
    assert "remove" not in attachment.standing.capabilities.allowed
    assert attachment.standing.capabilities.why_not("remove") == "Attached read-only."


def test_a_script_that_is_missing_is_no_reason_to_hang(listener):
    def refuse():
        raise CacheUnavailable("Nothing is there.")

    script = Script({})
    script.before_open = refuse
    attachment = Attachment(place_of(script, "missing"), listener).start()
    with pytest.raises(CacheUnavailable, match="Nothing"):
        attachment.listed().result(5)
    assert attachment.close()
