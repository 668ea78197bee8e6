"""Dialogs: plan and progress of an action, its choices, export, snapshot, settings, shortcuts."""
