import pytest

from cache_studio.adapters.registry import get_format


@pytest.mark.parametrize(
    ("name", "targets", "home"),
    [
        ("asset-cache", ["/a", "/a/", "/a/cache", "/a/cache/cache.db"], "/a/cache"),
        ("multi-level", ["/a", "/a/l3", "/a/l3/", "/a/l3/images"], "/a/l3"),
        ("json-file", ["/a/b.json"], "/a/b.json"),
    ],
)
def test_every_way_to_name_a_cache_leads_to_one_place(name, targets, home):
    assert {get_format(name).home(target) for target in targets} == {home}
