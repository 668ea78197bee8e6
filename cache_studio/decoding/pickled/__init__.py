"""Reads pickles of all protocols without executing them: no import, no call, no class of theirs is ever touched."""
