"""What a child loads while nobody needs it yet, so that looking at a place and listing a big cache begin at once."""


def listings() -> None:
    """The formats of which big caches are listed in children."""
    import cache_studio.adapters.json_directory.adapter
    import cache_studio.adapters.json_rows
    import cache_studio.adapters.registry
    import cache_studio.adapters.sqlite_child
    import cache_studio.adapters.sqlite_table.adapter  # noqa: F401 - loading them is all that is wanted
