"""Colours, fonts, icons and text: what the window looks like. Nothing here knows a cache or a service."""
