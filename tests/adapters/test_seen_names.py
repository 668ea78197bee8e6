"""Names that came once are not new again, in whatever part they are kept."""

from hypothesis import given
from hypothesis import strategies as st

from cache_studio.adapters.seen_names import SeenNames


@given(st.lists(st.lists(st.text(max_size=3), max_size=20), max_size=5))
def test_each_name_is_new_once(pages):
    seen, model = SeenNames(), set()
    for page in pages:
        found = seen.new_of(page)
        expected = []
        for at, name in enumerate(page):
            if name not in model:
                model.add(name)
                expected.append(at)
        assert found == expected
    seen.clear()
    assert seen.new_of(list(model)) == list(range(len(model)))
