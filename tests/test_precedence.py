import sys
import threading

import pytest

from cache_studio import precedence
from cache_studio.services.worker import Worker


@pytest.fixture
def worker():
    made = Worker("worker under test", lambda: None, lambda: None)
    made.start()
    yield made
    assert made.close()


def test_nobody_waits_where_nobody_goes_first(monkeypatch):
    monkeypatch.setattr(precedence, "LONGEST", None)  # it would wait for ever
    precedence.let_pass()


def test_a_step_of_long_work_waits_until_who_goes_first_is_done(worker, monkeypatch):
    monkeypatch.setattr(precedence, "LONGEST", None)
    order, stepped = [], threading.Event()

    def long():
        order.append("step")
        stepped.set()
        yield

    with precedence.going_first():
        running = worker.run(long(), lambda step: None)
        worker.call(lambda: order.append("call")).result(5)
        order.append("painted")
    running.future.result(5)
    assert order == ["call", "painted", "step"]


def test_a_block_within_another_does_not_end_it(worker, monkeypatch):
    monkeypatch.setattr(precedence, "LONGEST", None)
    order = []

    def long():
        order.append("step")
        yield

    with precedence.going_first():
        with precedence.going_first():
            pass
        running = worker.run(long(), lambda step: None)
        worker.call(lambda: None).result(5)
        order.append("painted")
    running.future.result(5)
    assert order == ["painted", "step"]


def test_a_step_goes_on_where_going_first_never_ends(worker, monkeypatch):
    monkeypatch.setattr(precedence, "LONGEST", 0.001)
    with precedence.going_first():
        worker.run((step for step in [1]), lambda step: None).future.result(5)


def test_an_error_ends_going_first(monkeypatch):
    monkeypatch.setattr(precedence, "LONGEST", None)
    with pytest.raises(ZeroDivisionError), precedence.going_first():
        raise ZeroDivisionError
    precedence.let_pass()


def test_who_goes_first_waits_a_shorter_time_for_the_interpreter():
    before = sys.getswitchinterval()
    with precedence.going_first():
        with precedence.going_first():
            assert sys.getswitchinterval() == pytest.approx(precedence.SWITCH_SECONDS)
        assert sys.getswitchinterval() == pytest.approx(precedence.SWITCH_SECONDS)
    assert sys.getswitchinterval() == pytest.approx(before)
