"""What looks like a credential is masked in what is written, and nothing else."""

import json
import time

import pytest
from patience import PATIENCE

from cache_studio.reports.credentials import MARKS, SHAPES, Masking

TEXTS = {
    "sk-proj-" + "a1" * 12: "***",
    "user:sk-" + "b" * 20 + ":7": "user:***:7",
    "AKIAIOSFODNN7EXAMPLE": "***",
    "AIza" + "c" * 35: "***",
    "ghp_" + "d" * 36: "***",
    "xoxb-1234567890-abc": "***",
    "Authorization: Bearer abc.def-123456": "Authorization: Bearer ***",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig": "***",
    "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----": "***",
    "https://host/?password=hunter2&page=1": "https://host/?password=***&page=1",
    "PASSWORD=hunter2": "PASSWORD=***",
    '{"api_key": "a\\"b", "n": 1}': '{"api_key": "***", "n": 1}',
    "GET https://me:hunter2@host/x": "GET https://me:***@host/x",
}
HARMLESS = (
    "task-force-number-twelve-and-more",
    "token:user:42",
    "password:reset:42",
    "tokens=12",
    "https://host:8080/a@b",
    "analyze:" + "0123456789abcdef" * 2,
    "",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_credential_is_masked_and_counted(text: str) -> None:
    masking = Masking()
    assert masking.masked(text) == TEXTS[text]
    assert masking.count == 1
    assert masking.said() == "Masked: 1 text that looks like a credential."


@pytest.mark.parametrize("text", HARMLESS)
def test_a_key_stays_as_it_is(text: str) -> None:
    masking = Masking()
    assert masking.masked(text) == text
    assert (masking.count, masking.said()) == (0, "")


def test_every_shape_is_tried_and_found_by_a_mark() -> None:
    assert len(TEXTS) >= len(SHAPES)
    assert all(any(mark in text for mark in MARKS) for text in TEXTS)


def test_every_text_of_an_object_is_looked_at() -> None:
    masking = Masking()
    row = {"key": "sk-" + "a" * 20, "tags": ["x", "AKIAIOSFODNN7EXAMPLE"], "size": 3, "ttl": None, "problem": None}
    assert list(masking.rows([row])) == [{"key": "***", "tags": ["x", "***"], "size": 3, "ttl": None, "problem": None}]
    assert masking.said() == "Masked: 2 texts that look like a credential."
    json.dumps(masking.masked({"series": {"times": (1.0, None)}}))


def test_hostile_texts_cost_little() -> None:
    begun = time.process_time()
    for text in ("://" + "a:" * 50_000, "eyJ" + "a" * 100_000, "password" * 10_000 + "=", '"token":' + " " * 100_000):
        Masking().masked(text)
    assert time.process_time() - begun < PATIENCE
