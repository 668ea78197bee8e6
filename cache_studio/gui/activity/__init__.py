"""The Activity tab: what was done to a cache, by whom, and what of it can be undone."""
