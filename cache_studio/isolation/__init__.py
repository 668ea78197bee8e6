"""Runs a named function in a killable child with limits on time and memory."""
