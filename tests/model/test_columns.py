import numpy as np
import pytest

from cache_studio.model.columns import PENDING_BITS, make_batch
from cache_studio.services.catalog import Catalog


def test_a_batch_fills_what_is_left_out_with_not_recorded():
    batch = make_batch(["a", "b"], ["a", "b"], [(1,), (2,)], size=[5, 6], types="png")
    assert batch.stamps.shape == (2, 3)
    assert batch.types == ["png", "png"]
    assert batch.tags is None
    assert np.isnan(batch.numbers["hits"]).all()
    assert len(make_batch([], [], [])) == 0


def test_a_column_that_is_none_is_refused():
    with pytest.raises(TypeError, match="sizes"):
        make_batch(["a"], ["a"], [(1,)], sizes=[5])


def test_every_column_has_a_bit_of_its_own():
    assert len(set(PENDING_BITS.values())) == len(PENDING_BITS)
    assert sum(PENDING_BITS.values()) < 256


def test_a_view_knows_its_rows_and_no_later_ones():
    catalog = Catalog()
    catalog.begin_listing()
    catalog.add(make_batch(["a"], ["a"], [(1,)], pending=["size"]))
    view = catalog.view()
    catalog.add(make_batch(["b"], ["b"], [(2,)]))
    assert view.row_of("a") == 0
    assert view.row_of("b") is None
    assert view.stamp(0) == (1, 0, 0)
    assert (len(view), view.is_pending("size").tolist(), view.is_pending("hits").tolist()) == (1, [True], [False])
