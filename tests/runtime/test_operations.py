"""Results of AI operations: the rules of systems.md, S3, on a cache of several levels."""

import pickle
from datetime import timedelta
from pathlib import Path

import pytest

from cache_studio.runtime import OperationCache
from cache_studio.runtime.keys import operation_key
from cache_studio.runtime.operations import NAMESPACE, OTHER_TTL, TTLS, tags_of, ttl_of


def stored(folder: Path, operation: str, given: object, parameters: dict[str, object] | None = None) -> dict:
    """What the original application would load of an entry."""
    key = operation_key(operation, given, parameters)
    return pickle.loads((folder / "l3" / NAMESPACE / f"{key}.cache").read_bytes())


def test_an_operation_says_how_long_its_results_live(tmp_path: Path, clock) -> None:
    hours = {"analyze": 6, "generate": 2, "classify": 12, "extract": 8, "summarize": 4, "translate": 24}
    assert {name: seconds / 3600 for name, seconds in TTLS.items()} == hours
    assert ttl_of("anything else") == OTHER_TTL == 4 * 3600
    with OperationCache(tmp_path, clock=clock) as operations:
        operations.put("classify", "text", {"label": "a"})
        operations.put("classify", "other", {"label": "b"}, ttl="1h")
        assert stored(tmp_path, "classify", "text")["ttl"] == timedelta(hours=12)
        assert stored(tmp_path, "classify", "other")["ttl"] == timedelta(hours=1)


def test_tags_say_what_was_asked(tmp_path: Path) -> None:
    assert tags_of("analyze", "x" * 1001, "large", "batch") == ("analyze", "model:large", "mode:batch", "large_input")
    assert tags_of("analyze", "x" * 1000) == ("analyze",)
    assert tags_of("analyze", "x" * 100) == ("analyze",)
    assert tags_of("analyze", "x" * 99) == ("analyze", "small_input")
    with OperationCache(tmp_path) as operations:
        operations.put("analyze", "text", 1, model="large", mode="batch")
        assert stored(tmp_path, "analyze", "text")["tags"] == {"analyze", "model:large", "mode:batch", "small_input"}


def test_parameters_are_part_of_the_question(tmp_path: Path) -> None:
    with OperationCache(tmp_path) as operations:
        operations.put("extract", "text", "a", {"fields": ["x"], "depth": 1})
        assert operations.get("extract", "text", {"depth": 1, "fields": ["x"]}) == "a"
        assert operations.get("extract", "text", {"depth": 2, "fields": ["x"]}) is None
        assert operations.get("extract", "text", default="none") == "none"


def test_a_run_is_made_once(tmp_path: Path) -> None:
    runs = []
    with OperationCache(tmp_path) as operations:
        for _ in range(2):
            assert operations.get_or_run("analyze", "text", lambda: runs.append(1) or {"score": 1}) == {"score": 1}
        assert len(runs) == 1
        stats = operations.cache.stats()
        assert stats.seconds_per_miss_source == "measured"
        assert (stats.counted.hits, stats.counted.misses) == (1, 1)


def test_results_go_by_operation_model_tag_and_namespace_on_all_levels(tmp_path: Path) -> None:
    with OperationCache(tmp_path) as operations:
        for number in range(3):
            operations.put("analyze", number, number, model="large")
            operations.put("classify", number, number, model="small")
        assert operations.cache.invalidate_operation("analyze") == 3
        assert operations.cache.invalidate_model("small") == 3
        operations.put("extract", 1, 1)
        assert operations.cache.invalidate_tags("small_input", "nothing") == 1
        operations.put("extract", 1, 1)
        assert operations.cache.invalidate_namespace(NAMESPACE) == 1
        levels = operations.cache.stats().levels
        assert {name: level.entries for name, level in levels.items()} == {"memory": 0, "compressed": 0, "disk": 0}


def test_levels_can_be_left_out(tmp_path: Path) -> None:
    with OperationCache(tmp_path / "plain", compressed=0) as operations:
        operations.put("analyze", "text", 1, persist=False)
        assert operations.get("analyze", "text") == 1
        assert set(operations.cache.stats().levels) == {"memory", "disk"}
        assert list((tmp_path / "plain").rglob("*.cache")) == []
    with OperationCache("operations", disk=False, recorder=False) as operations:
        operations.put("analyze", "text", 1)
        assert operations.get("analyze", "text") == 1
        assert set(operations.cache.stats().levels) == {"memory", "compressed"}


def test_the_levels_say_their_size_limit_and_policy(tmp_path: Path) -> None:
    with OperationCache(tmp_path) as operations:
        operations.put("analyze", "text", "x" * 1000)
        levels = operations.cache.stats().levels
        assert (levels["memory"].capacity, levels["memory"].policy, levels["memory"].entries) == (500, "lru", 1)
        assert (levels["compressed"].capacity, levels["compressed"].policy) == (2000, "intelligent")
        assert levels["memory"].size == 1002
        assert 0 < levels["compressed"].size < 100


def test_a_stale_entry_is_a_miss_and_an_eviction(tmp_path: Path, clock) -> None:
    with OperationCache(tmp_path, clock=clock) as operations:
        operations.put("generate", "text", 1, ttl=60)
        clock.advance(60)
        assert operations.get("generate", "text") == 1, "stale only after its TTL"
        clock.advance(0.001)
        assert operations.get("generate", "text") is None
        counted = operations.cache.stats().counted
        assert (counted.misses, counted.expirations, counted.removals) == (1, 1, 1)


def test_time_saved_goes_by_two_seconds_a_miss(tmp_path: Path) -> None:
    with OperationCache(tmp_path) as operations:
        operations.put("analyze", "text", 1)
        operations.get("analyze", "text")
        report = operations.cache.report()
        assert (report.time_saved, report.efficiency_score) == (pytest.approx(2.0), 100.0)
