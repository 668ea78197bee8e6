"""What is loaded while nobody needs it yet: by a child, so that a look and a listing begin at once; by the window."""


def listings() -> None:
    """The formats of which big caches are listed in children."""
    import cache_studio.adapters.json_directory.adapter
    import cache_studio.adapters.json_rows
    import cache_studio.adapters.registry
    import cache_studio.adapters.sqlite_child
    import cache_studio.adapters.sqlite_table.adapter  # noqa: F401 - loading them is all that is wanted


def formats() -> None:
    """The formats that most caches have, and what searches them: the first cache stalls no window then."""
    import regex

    import cache_studio.adapters.diskcache.adapter
    import cache_studio.adapters.json_file.adapter
    import cache_studio.adapters.redis_keys.adapter  # noqa: F401 - loading them is all that is wanted

    listings()
    regex.compile("")
