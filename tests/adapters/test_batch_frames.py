"""A batch that crossed from a child is the one that was sent."""

import msgpack
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cache_studio.adapters.batch_frames import batch_from, frame_of
from cache_studio.model.columns import NUMBERS, make_batch

texts = st.text(st.characters(), max_size=8)
ids = st.recursive(
    texts | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=8),
    lambda inner: st.tuples(inner, inner),
    max_leaves=3,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": ids,
            "key": texts,
            "namespace": texts,
            "type": st.sampled_from(["", "text", "png"]),
            "tags": st.lists(texts, max_size=2).map(tuple),
            "size": st.floats(0) | st.just(np.nan),
        }
    ),
    max_size=30,
)


def crossed(value):
    packed = msgpack.packb(value, use_bin_type=True, unicode_errors="surrogatepass")
    return msgpack.unpackb(packed, raw=False, strict_map_key=False, unicode_errors="surrogatepass")


@given(rows, st.booleans(), st.booleans())
def test_a_batch_crosses_unchanged(rows, keyed, tagged):
    batch = make_batch(
        [row["id"] for row in rows],
        [row["id"] if keyed and isinstance(row["id"], str) else row["key"] for row in rows],
        [(number, 2, 3) for number in range(len(rows))],
        namespaces=[row["namespace"] for row in rows],
        types=[row["type"] for row in rows],
        tags=[row["tags"] for row in rows] if tagged else None,
        problems={number: "broken" for number in range(0, len(rows), 7)},
        pending=["hits"],
        size=[row["size"] for row in rows],
    )
    back = batch_from(crossed(frame_of(batch)))
    for name in ("ids", "keys", "namespaces", "types", "tags", "problems"):
        assert getattr(back, name) == getattr(batch, name), name
    for name in NUMBERS:
        assert np.array_equal(back.numbers[name], batch.numbers[name], equal_nan=True)
    assert np.array_equal(back.stamps, batch.stamps)
    assert np.array_equal(back.pending, batch.pending)


def test_more_namespaces_than_a_byte_counts_cross_too():
    names = [f"n{number}" for number in range(1_000)]
    batch = make_batch(names, names, [(1, 2, 3)] * 1_000, namespaces=names)
    back = batch_from(crossed(frame_of(batch)))
    assert back.namespaces == names
    assert back.keys == back.ids == names
