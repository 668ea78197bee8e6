"""The selected entry at the right: its facts with their sources, and its value in several views."""
