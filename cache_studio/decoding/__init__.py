"""Stored bytes to something to look at. Executes nothing."""
