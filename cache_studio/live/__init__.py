"""Watching, sampling, rates and the history database."""
