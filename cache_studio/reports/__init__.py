"""Exports and snapshots. No Qt."""
