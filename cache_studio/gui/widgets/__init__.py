"""Widgets and delegates that draw plain values and say what was asked of them. None knows a cache, file or service."""
