"""How long tests wait for what should end at once."""

PATIENCE = 25.0
"""Seconds: more than a machine adds that stands still now and then, less than what hangs would take.

Tests say that a thing ends; how soon it does is a matter of the benchmarks.
"""
