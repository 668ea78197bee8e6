"""The tabs of a cache's page, by their places."""

TABS = ("Entries", "Dashboard", "Activity")
ENTRIES, DASHBOARD, ACTIVITY = range(len(TABS))
