"""Results of Celery's tasks and of RQ's jobs: data, no caches."""

from celery import Celery
from redis_keys_of import client_of
from rq import Queue
from rq.results import Result

TASK = "11111111-2222-3333-4444-{:012}"


def celery(url):
    """Store the results of five tasks; their ids."""
    backend = Celery("tasks", backend=url).backend
    for number in range(5):
        backend.store_result(TASK.format(number), {"answer": number}, "SUCCESS")
    return [TASK.format(number) for number in range(5)]


def rq(url):
    """Two jobs, one with its result; their ids."""
    queue = Queue(connection=client_of(url))
    jobs = [queue.enqueue("builtins.len", f"text {number}") for number in range(2)]
    Result.create(jobs[0], Result.Type.SUCCESSFUL, ttl=600, return_value=6)
    return [job.id for job in jobs]
