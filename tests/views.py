"""Makes views for tests of what is computed on them."""

from cache_studio.model.columns import View, make_batch
from cache_studio.services.catalog import Catalog

NAN, INF = float("nan"), float("inf")
NOW = 1_800_000_000.0


def view_of(*rows: dict[str, object], tags_recorded: bool = True) -> View:
    """A view of entries given as dicts; what is left out is not recorded."""
    catalog = Catalog()
    catalog.begin_listing()
    numbers = {
        name: [float(row.get(name, NAN)) for row in rows] for name in ("size", "created", "accessed", "expires", "hits")
    }
    catalog.add(
        make_batch(
            [str(row.get("id", position)) for position, row in enumerate(rows)],
            [str(row["key"]) for row in rows],
            [(position, 0, 0) for position in range(len(rows))],
            namespaces=[str(row.get("ns", "")) for row in rows],
            types=[str(row.get("type", "")) for row in rows],
            tags=[tuple(row.get("tags", ())) for row in rows] if tags_recorded else None,
            problems={at: str(row["problem"]) for at, row in enumerate(rows) if row.get("problem")},
            **numbers,
        )
    )
    catalog.end_listing(complete=True)
    return catalog.view()
